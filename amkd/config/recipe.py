"""The ``train.*`` and ``teacher.train.*`` groups: how a network is trained."""

import dataclasses
import math

from amkd.config.fields import field


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a network is trained."""

    epochs: int = field(60, "Passes over the training set of the round.", least=1)
    min_steps: int = field(
        0,
        "Minimum number of steps, however small the training set is: the first rounds then have"
        " more passes.",
        least=0,
    )
    batch_size: int = field(
        128,
        "Images per step, over all devices together; a multiple of the number of devices.",
        least=1,
    )
    optimizer: str = field(
        "adamw",
        "sgd (weight decay in the gradient) or adamw (decoupled weight decay).",
        choices=("sgd", "adamw"),
    )
    learning_rate: float = field(2e-3, "Peak learning rate.", above=0, below=math.inf)
    momentum: float = field(0.9, "Momentum of sgd.", least=0, below=1)
    weight_decay: float = field(5e-4, "Weight decay, on every parameter.", least=0)
    schedule: str = field(
        "cosine",
        "Schedule of the learning rate: steps (multiplied by drop_factor at each of drops), cosine"
        " (to 0), or constant.",
        choices=("steps", "cosine", "constant"),
    )
    drops: tuple[float, ...] = field(
        (0.4, 0.7, 0.9),
        "steps: where the learning rate drops, as ascending fractions of the training (the"
        " released code's 80+60+40+20 epochs).",
        above=0,
        below=1,
    )
    drop_factor: float = field(
        0.1, "steps: the learning rate is multiplied by this at each drop.", above=0, most=1
    )
    warmup: float = field(
        0.0, "Share of the steps in which the learning rate grows from 0.", least=0, below=1
    )
    loss: str = field(
        "soft",
        "soft: cross-entropy against the answers (the paper's), at a temperature. standardised:"
        " the logits of student and teacher, each divided by their standard deviation over the"
        " classes (MIX-KD), without a temperature. pad_kl: the divergence of soft, divided by a"
        " variance that the student's features predict for each image, so that easy images have"
        " more weight (PAD, adapted to black boxes). pad_l2 (only with teacher.kind=flax): soft,"
        " plus the squared distances of the student's last features from the teacher's, each"
        " divided by a variance of its dimension (PAD itself). The features of a record, like its"
        " answer, are those of the image that was queried, also where train.crop and other"
        " augmentations change the image; a mix of records has the mix of their features. pad_l2"
        " needs more steps than soft: the features outweigh the answers until the student's match"
        " the teacher's. sskd (only with teacher.kind=flax and method=sskd): soft, plus the"
        " similarity of each rotated image to every upright image of the batch, computed by heads"
        " on the last features of teacher and student (SSKD).",
    )
    temperature: float = field(
        1.0,
        "Distillation temperature tau: answers p are changed to p**(1/tau). 1 is the paper's.",
        above=0,
        below=math.inf,
    )
    pad_warmup: float = field(
        0.5,
        "pad_kl, pad_l2: share of the steps, at the start, in which all images or dimensions have"
        " the same weight.",
        least=0,
        below=1,
    )
    weighting: str = field(
        "even",
        "Relative weights of the records of a batch, by the distance of the student from the"
        " teacher on each: even; discard_hard (the hardest are left out); softmax, polynomial"
        " (easier records have more weight: baselines in the paper of PAD); fidelity (FSKD's:"
        " records have more weight where the teacher is more certain).",
    )
    weighting_share: float = field(
        0.25, "discard_hard: share of each batch that is left out.", least=0, below=1
    )
    weighting_power: float = field(
        1.0,
        "polynomial: the weight is (1 - distance / largest distance of the batch), raised to this"
        " power.",
        above=0,
        below=math.inf,
    )
    weighting_fidelity: float = field(
        0.5,
        "fidelity: weight where the teacher's uncertainty equals the mean of the batch. Where the"
        " teacher is certain, the weight is 1.",
        above=0,
        most=1,
    )
    corrections: float = field(
        0.0,
        "Weight in the loss of images whose class a person has corrected (amkd review WORKDIR"
        " --read=FILE.csv): the corrected class replaces the teacher's answer. Other images"
        " have weight 1; mixes are not corrected. 0 uses no corrections. A run keeps using the"
        " corrections that its ledger had when the run began.",
        least=0,
        below=math.inf,
    )
    crop: int = field(
        0,
        "Augmentation on the device: shift by up to this many pixels. The answer stays the same,"
        " and no query is needed.",
        least=0,
    )
    flip: bool = field(False, "Augmentation: flip every second image. Unsuitable for digits.")
    rotate: float = field(
        0.0,
        "Augmentation: rotate by up to this many degrees in either direction.",
        least=0,
        most=180,
        remedy="it is in degrees",
    )
    zoom: float = field(
        0.0,
        "Augmentation: scale each side by a random factor from 1 / (1 + zoom) to 1 + zoom; 0.25"
        " means from 0.8 to 1.25.",
        least=0,
        below=10,
        remedy="0.25 means from 0.8 to 1.25",
    )
    mix_share: float = field(
        0.0,
        "Share of each batch whose images and answers are mixed with others of the batch. It needs"
        " no query.",
        least=0,
        most=1,
        remedy="it is a share",
    )
    mix_beta: float = field(
        1.0,
        "Both parameters of the beta distribution of lambda in these mixes; 1 is uniform.",
        above=0,
        below=math.inf,
    )
    mix_as_released: bool = field(
        False,
        "As in MIX-KD's released code: the records that are not mixed are drawn with replacement,"
        " so that more are mixed than mix_share states: with a batch of 64 and a share of .1, a"
        " share of .41 is mixed.",
    )
    average: float = field(
        0.0,
        "Decay of a running average of the network, which is then the result; 0 for none.",
        least=0,
        below=1,
    )
    freeze: str = field(
        "",
        "What keeps its initial weights: backbone (all but the last layer), or names of layers and"
        " blocks, separated by commas, such as conv_stem,bn1,blocks.0. BatchNorm there keeps its"
        " statistics and uses them. Empty for nothing.",
    )
    backbone_rate: float = field(
        1.0,
        "The learning rate of all but the last layer, as a multiple of learning_rate.",
        above=0,
        below=math.inf,
        remedy="train.freeze=backbone keeps the backbone unchanged",
    )
    layer_decay: float = field(
        1.0,
        "For pretrained networks, above all ViT: the learning rate of each block is that of the"
        " next block, multiplied by this; 0.75 is usual. 1 for equal rates.",
        above=0,
        most=1,
    )
    views: int = field(
        0,
        "freeze=backbone: features of this many views of each image are computed once and cached,"
        " and only the last layer is trained, on them. The first view is the image itself, the"
        " others are augmented (crop, flip, rotate, zoom). 0 runs the whole network in every step.",
        least=0,
    )
    dtype: str = field(
        "float32",
        "Type of the computation in training: float32 or bfloat16. Scoring is always float32.",
        choices=("float32", "bfloat16"),
    )
    precision: str = field(
        "default",
        "How products of float32 numbers are computed in training: float32 (full precision"
        " everywhere), tensorfloat32 (NVIDIA GPUs since Ampere in TF32, TPUs in three passes of"
        " bfloat16), or default (the same GPUs in TF32, TPUs in one pass of bfloat16). A CPU, or"
        " an older GPU, computes all of them in full precision. Scoring is always in full"
        " precision.",
        choices=("default", "tensorfloat32", "float32"),
    )
    steps_per_dispatch: int = field(
        0,
        "Maximum number of training steps in one compiled program; 0 chooses by backend: 1 on a"
        " CPU, 64 on an accelerator. It does not change what the result means.",
        least=0,
    )
