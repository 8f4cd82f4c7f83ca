"""What results over many combinations of generator, gate and classifier say of each of the three parts."""
