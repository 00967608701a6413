"""Every field with its default; the other configurations start from this one.

Command: python launch.py --config=configs/default.py --workdir=runs/default
Data:    scikit-learn's embedded 8x8 digits. About a minute on 2 CPU cores.
"""

from ml_collections import ConfigDict


def recipe() -> ConfigDict:
    """How a network is trained: the ``train`` group, and ``teacher.train``."""
    config = ConfigDict()
    # Passes over the training set of the round.
    config.epochs = 60
    # At least so many steps, however small the training set: more passes in the first rounds.
    config.min_steps = 0
    # Images per step, over all devices together; a multiple of the number of devices.
    config.batch_size = 128
    # sgd (weight decay in the gradient) or adamw (decoupled weight decay).
    config.optimizer = "adamw"
    # Peak learning rate.
    config.learning_rate = 2e-3
    # Momentum of sgd.
    config.momentum = 0.9
    # Weight decay, on every parameter.
    config.weight_decay = 5e-4
    # Of the learning rate: steps (times drop_factor at each of drops), cosine (to 0), constant.
    config.schedule = "cosine"
    # Where the rate drops, as fractions of the training (the released code's 80+60+40+20 epochs).
    config.drops = (0.4, 0.7, 0.9)
    # What the rate is multiplied by at each drop.
    config.drop_factor = 0.1
    # Share of the steps in which the rate grows from 0.
    config.warmup = 0.0
    # Distillation temperature tau: answers are re-tempered as p**(1/tau). 1 is the paper's.
    config.temperature = 1.0
    # Augmentation on the device, same answer, no query: shift by up to so many pixels.
    config.crop = 0
    # Augmentation: mirror every second image. Wrong for digits.
    config.flip = False
    # Type of the computation in training: float32 or bfloat16. Scoring is always float32.
    config.dtype = "float32"
    # Training steps in one compiled program; 0 chooses by backend. Not part of the result's meaning.
    config.steps_per_dispatch = 0
    return config


def get_config(preset: str = "") -> ConfigDict:
    """The defaults. Presets: ``smoke``."""
    config = ConfigDict()
    # Seed of everything random; with the round and the purpose it gives every stream.
    config.seed = 0
    # digits (embedded), or any TFDS image-classification data set: mnist, cifar10:3.0.2, ...
    config.dataset = "digits"
    # Real, unlabeled images drawn by seed: N.
    config.n_real = 200
    # All queries of the run, the first n_real included: a hard stop.
    config.budget = 1000
    # Rounds after round 0. Each selects, queries and trains.
    config.rounds = 3
    # active_mixup (the paper's), or random_mixup (random pairs at lambda .5).
    config.method = "active_mixup"
    # Student network: lenet5 lenet5_half alexnet alexnet_half vgg16 resnet18 resnet18_224.
    config.student = "lenet5_half"
    # True: each round continues from the last student. The paper trains a new one.
    config.warm_start = False
    # Where decoded data sets and trained teachers are kept for later runs.
    config.cache_dir = "~/.cache/amkd"

    config.data = ConfigDict()
    # TFDS directory; empty for TFDS_DATA_DIR or TFDS's own default.
    config.data.dir = ""
    # Crop to the middle square and resize to so many pixels a side; 0 keeps images as they are.
    config.data.size = 0
    # Evaluate on so many test images only; 0 for all.
    config.data.test_images = 0

    config.teacher = ConfigDict()
    # flax (a local network, trained at first use) or python (a function of yours).
    config.teacher.kind = "flax"
    # flax: network; the same names as student.
    config.teacher.model = "lenet5"
    # flax: seed of the teacher, apart from config.seed, so that runs of many seeds share it.
    config.teacher.seed = 0
    # flax: labeled images held out of its training, on which it is validated.
    config.teacher.validation = 100
    # flax: train it on so many labeled images only; 0 for all that are not held out.
    config.teacher.images = 0
    # flax: least validation accuracy; 0 asks for twice chance. Checked before the first query.
    config.teacher.min_accuracy = 0.0
    # python: 'module:function', from uint8[B, H, W, C] to probabilities [B, Y].
    config.teacher.function = ""
    # python: who answers, for the ledger; empty takes the function's name. Change it with the model.
    config.teacher.identity = ""
    # Ask the teacher about test images, for its accuracy and the agreement (counted apart from the
    # budget): yes, no, or auto (only a flax teacher, which costs nothing).
    config.teacher.evaluate = "auto"
    # Images in one call of the teacher.
    config.teacher.batch = 256
    # flax: its recipe, on true labels.
    config.teacher.train = recipe()

    config.search = ConfigDict()
    # Grid of lambda: its lowest value, above 0. The grid is the released code's.
    config.search.lam_low = 0.3
    # Its highest value, below 1.
    config.search.lam_high = 0.7
    # How many values, evenly spaced.
    config.search.lam_count = 11
    # Size of the pool: a uniform sample of so many pairs, drawn once; 0 takes all N(N-1)/2.
    config.search.max_pairs = 0
    # Images selected per round: equal, doubling (the total selected doubles), or '100,200,500'.
    config.search.schedule = "equal"
    # Pairs per dispatch: progress and memory, never the result.
    config.search.chunk = 4096
    # Pairs in one compiled tile; 0 chooses by backend. May move scores in the last bit.
    config.search.tile = 0
    # Mix activations after the first affine layer while their table is no larger than this; else
    # mix images: same scores up to rounding, more work.
    config.search.table_bytes = 4 * 2**30

    # The student's recipe, the same in every round.
    config.train = recipe()

    config.ledger = ConfigDict()
    # File of answers paid for, which several runs may share; empty for WORKDIR/ledger.sqlite.
    config.ledger.path = ""

    config.checkpoint = ConfigDict()
    # Save at the end of an epoch when so many seconds have passed since the last save.
    config.checkpoint.seconds = 60.0

    config.report = ConfigDict()
    # Progress bars.
    config.report.progress = True
    # TensorBoard event files.
    config.report.tensorboard = True
    # PNG plots: accuracy against queries, and contact sheets of chosen mixes.
    config.report.plots = True

    if preset == "smoke":
        config.n_real, config.budget, config.rounds = 50, 150, 2
        config.train.epochs = config.teacher.train.epochs = 20
        config.train.min_steps = 300
    elif preset:
        raise ValueError(f"preset {preset!r} does not exist; there is: smoke")
    return config
