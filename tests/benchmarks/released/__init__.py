"""What the released code of the field does per training step: the baseline that our speed is compared with.

Each module repeats, in our own words, the operations of a release in their order, with everything the release does more
than once or one sample at a time, and nothing that it does not do:

- :mod:`gsmflow`: the scripts of GSMFlow (uqzhichen/GSMFlow), on :mod:`glow`, the couplings of FrEIA of late 2020;
- :mod:`wgan`: f-CLSWGAN as kept in its descendants (lijin118/LisGAN without its pivots); without a class loss it is the
  conditional WGAN of early-GAN, which has no released code;
- :mod:`ce_gzsl`: CE-GZSL (Hanzy1996/CE-GZSL), on :mod:`wgan`;
- :mod:`vaegan`: TF-VAEGAN (akshitac8/tfvaegan), f-VAEGAN as it has it with decoder and feedback turned off, and FREE
  (shiming-chen/FREE);
- :mod:`abp`: a batch of ABP-ZSL (EthanZhu90/ZSL_ABP);
- :mod:`gdan`: an iteration of GDAN's second stage (stevehuanghe/GDAN);
- :mod:`softmax`: the final classifier of both, with the passes over the test data inside of its training.

Losses, layers, initial values, optimisers and defaults are the release's. What differs:

- features and labels are handed over, as the release has them after loading and scaling; nothing is written to disk;
- a network lives on ``device`` where the release says "cuda"; data stay on the host, as there;
- gradients are reset to None and ``no_grad`` stands for volatile variables, as the PyTorch of today does;
- random numbers come from PyTorch's global generator, the order of samples in GSMFlow from NumPy.
"""
