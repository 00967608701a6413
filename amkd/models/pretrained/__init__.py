"""Networks for photographs with weights that others have published.

Each has the structure of the network of the same name in timm, and takes timm's files of weights
(:mod:`amkd.models.pretrained.weights`). Names of parameters are timm's: linen's ``blocks_0_1/bn1``
is timm's ``blocks.0.1.bn1``.
"""
