"""Results on disk: the record of a cell, its predictions, the answer keys, and the store that keeps them."""
