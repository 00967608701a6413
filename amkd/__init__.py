"""amkd: Active Mixup knowledge distillation from a black-box image classifier.

Shape letters, used in every docstring of the package:

====  =======================================  =======  ===========================
 N    real (unlabeled) images                   K       pairs chosen in this round
 P    pairs scored in one chunk                 Q       images answered so far
 L    values in the lambda grid                 Y       classes
 B    images in one batch                       H W C   height, width, channels
====  =======================================  =======  ===========================

Images are ``uint8[..., H, W, C]`` everywhere outside a network. ``lam`` is the
weight of image ``i`` in the mix of images ``i`` and ``j``; ``w`` is the same weight
in whole units of 1/65536 (see :mod:`amkd.data.mixing`). "Paper" is Wang et al.,
*Neural Networks Are More Productive Teachers Than Human Raters: Active Mixup for
Data-Efficient Knowledge Distillation from a Blackbox Model*, CVPR 2020.
"""

__version__ = "0.1.0"
