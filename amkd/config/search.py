"""The ``search.*`` group: how the images of a round are chosen."""

import dataclasses
import math

from amkd.config.fields import field

_INSIDE = "at 0 and 1 a mix is a real image, already answered"


@dataclasses.dataclass(frozen=True)
class SearchSettings:
    """Lambda, the minimiser of C2, the choice among candidates, variants, what is asked about in
    place of mixes, and the device's work.
    """

    minimiser: str = field(
        "grid",
        "How C2 is minimised over lambda: grid (the paper's), refined (the true minimum: a curve"
        " through the logits says where to look), or screened (refined, but only for pairs that"
        " may be among the k lowest; a random sample measures what that missed).",
        choices=("grid", "refined", "screened"),
    )
    lam_low: float = field(
        0.3,
        "Lowest lambda, above 0. Range and grid are the released code's.",
        above=0,
        below=1,
        remedy=_INSIDE,
    )
    lam_high: float = field(0.7, "Highest lambda, below 1.", above=0, below=1, remedy=_INSIDE)
    lam_count: int = field(11, "grid: number of values, evenly spaced.", least=1)
    evaluations: int = field(
        5, "refined, screened: evaluations of the student for a pair.", least=1
    )
    forecast: str = field(
        "float32",
        "active_mixup: type in which all pairs are scored first. float32 is exact. tensorfloat32"
        " and bfloat16 are many times faster on accelerators: then only a shortlist is scored in"
        " float32, and a random sample measures what that missed (search.recall). Scores that are"
        " reported are always in float32.",
        choices=("float32", "tensorfloat32", "bfloat16"),
    )
    recall: float = field(
        0.95,
        "screened, or a forecast that is not in float32: share of the k lowest that must have been"
        " found, with 95% certainty; otherwise more pairs are refined.",
        above=0,
        below=1,
        remedy="minimiser 'refined' leaves nothing out",
    )
    random_lam: str = field(
        "half",
        "Lambda of random pairs (random_mixup, pooled_mixup, random_share): half (0.5), or grid"
        " (each at random from the grid).",
        choices=("half", "grid"),
    )
    acquisition: str = field(
        "lowest",
        "How active_mixup chooses among the candidates of lowest C2, pooled_mixup, random_crops,"
        " pastes and flips among those drawn, and active_labelling among all images. lowest (the"
        " paper's: the first of them), capped (no real image in more than search.max_per_image of"
        " a round's mixes), balanced (equally many of each class that the student names), k_center"
        " (far from each other, and from all that was asked about, in the student's features),"
        " margin, entropy, ensemble, bald (for students with dropout), badge, learning_loss,"
        " distillation_gap, transductive_variance, epig, excess_doubt, uncertainty_herding, random;"
        " for lanes also acd. One of your own is module:NAME, as in amkd/acquisitions/base.py.",
    )
    candidates: float = field(
        1.0,
        "Number of candidates, as a multiple of the mixes, crops, pastes or mirrored images that"
        " are wanted.",
        least=1,
        below=math.inf,
        remedy="it is a multiple of what is wanted",
    )
    scored_images: int = field(
        0,
        "active_labelling, random_crops, pastes, flips: images that the student scores in a round,"
        " drawn again in each round from those left, at least as many as it chooses; 0 scores all.",
        least=0,
    )
    max_per_image: int = field(
        20,
        "capped, excess_doubt: mixes of a round that an image may be in.",
        least=1,
        was="per_image",
    )
    committee: int = field(
        5,
        "ensemble, distillation_gap, epig: students that are compared, each trained as the round's"
        " own. bald: passes, usually 10.",
        least=2,
    )
    gap_teacher: str = field(
        "committee",
        "distillation_gap: what stands in for the teacher. committee (further students: for a"
        " teacher that is paid for), or network (as in its paper, for labels: teacher.model,"
        " trained by teacher.train on the labelled images, and a student that learns its soft"
        " answers).",
        choices=("committee", "network"),
    )
    random_share: float = field(
        0.0,
        "active_mixup: share of each round's mixes that are random pairs, drawn as random_mixup"
        " draws them.",
        least=0,
        below=1,
        remedy="method 'random_mixup' takes all at random",
    )
    variants: int = field(
        0,
        "Variants of every real image that are mixed like real images, and never queried by"
        " themselves. None in the paper.",
        least=0,
    )
    variant_crop: int = field(
        2, "Variants are shifted by up to this many pixels at random.", least=0
    )
    variant_flip: bool = field(False, "Mirror every second variant. Wrong for digits.")
    variant_rotate: float = field(
        0.0,
        "Variants are turned by up to this many degrees either way.",
        least=0,
        most=180,
        remedy="it is in degrees",
    )
    variant_zoom: float = field(
        0.0,
        "Scale each side of a variant by a random factor from 1 / (1 + this) to 1 + this.",
        least=0,
        below=10,
        remedy="0.25 is from 0.8 to 1.25",
    )
    crop_area: tuple[float, ...] = field(
        (0.3, 1.0),
        "random_crops: lowest and highest share of an image's area that a crop has.",
        above=0,
        most=1,
        remedy="it is a share of the area",
    )
    crop_stretch: float = field(
        1.33,
        "random_crops: largest factor by which a crop is wider, or less wide, than the image's"
        " proportions, which it is resized to.",
        least=1,
        below=math.inf,
    )
    crop_flip: bool = field(
        False, "random_crops: mirror every second crop at random. Wrong for digits."
    )
    paste_area: tuple[float, ...] = field(
        (0.1, 0.9),
        "pastes: lowest and highest share of an image's area that is another image's.",
        above=0,
        below=1,
        remedy="at 0 and 1 a paste is a real image, already answered",
    )
    paste_beta: float = field(
        1.0,
        "pastes: both parameters of the beta distribution of that share; 1 is uniform.",
        above=0,
        below=math.inf,
    )
    as_released: bool = field(
        False,
        "Ablation: make the same bytes as the released code, which truncates mixes and turns white"
        " into black.",
    )
    max_pairs: int = field(
        0,
        "Size of the pool: a uniform sample of this many pairs, drawn once; 0 takes all N(N-1)/2.",
        least=0,
    )
    schedule: str = field(
        "equal",
        "Images selected per round: equal, doubling (the total selected doubles), or"
        " '100,200,500'.",
    )
    chunk: int = field(
        0,
        "Pairs per dispatch. It changes progress and memory, never the result. 0 is 4096 on a CPU;"
        " on an accelerator as many as take half a second, by the time that earlier ones took.",
        least=0,
        identity=False,
    )
    tile: int = field(
        0,
        "Pairs in one compiled tile; 0 chooses by backend, network and the accelerator's memory."
        " May move scores in the last bit.",
        least=0,
    )
    table_bytes: int = field(
        4 * 2**30,
        "Mix activations after the first affine layer while their table has at most this many"
        " bytes; beyond that, mix images: same scores up to rounding, more work.",
        least=0,
    )
