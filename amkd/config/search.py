"""The ``search.*`` group: how the images of a round are chosen."""

import dataclasses
import math

from amkd.config.fields import field

_INSIDE = "at 0 and 1 a mix is a real image, already answered"


@dataclasses.dataclass(frozen=True)
class SearchSettings:
    """Lambda, the minimiser of C2, the choice among candidates, variants, the images queried
    instead of mixes, and the device's work.
    """

    minimiser: str = field(
        "grid",
        "How C2 is minimised over lambda: grid (the paper's), refined (the true minimum: a curve"
        " through the logits shows where to look), or screened (refined, but only for pairs that"
        " may be among the k lowest; a random sample measures what this missed).",
        choices=("grid", "refined", "screened"),
    )
    lam_low: float = field(
        0.3,
        "Lowest lambda, above 0. Range and grid are those of the released code.",
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
        "active_mixup: number type in which all pairs are first scored. float32 is exact."
        " tensorfloat32 and bfloat16 are many times faster on accelerators: then only a shortlist"
        " is scored in float32, and a random sample measures what this missed (search.recall)."
        " Reported scores are always in float32.",
        choices=("float32", "tensorfloat32", "bfloat16"),
    )
    recall: float = field(
        0.95,
        "screened, or a forecast that is not in float32: share of the k lowest pairs that must have"
        " been found, with 95% certainty; otherwise more pairs are refined.",
        above=0,
        below=1,
        remedy="minimiser 'refined' leaves nothing out",
    )
    random_lam: str = field(
        "half",
        "Lambda of random pairs (random_mixup, pooled_mixup, random_share): half (0.5), or grid"
        " (a random value of the grid for each).",
        choices=("half", "grid"),
    )
    acquisition: str = field(
        "lowest",
        "How images are chosen: by active_mixup among the candidates of lowest C2, by pooled_mixup,"
        " random_crops, pastes and flips among those drawn, and by active_labelling among all"
        " images. lowest (the paper's: the first of them), capped (no real image in more than"
        " search.max_per_image of a round's mixes), balanced (equally many of each class that the"
        " student predicts), k_center (far from each other, and from all queried images, in the"
        " student's features), margin, entropy, ensemble, bald (for students with dropout), badge,"
        " learning_loss, distillation_gap, transductive_variance, epig, excess_doubt,"
        " uncertainty_herding, random; for lanes also acd. Your own is module:NAME, as in"
        " amkd/acquisitions/base.py.",
    )
    candidates: float = field(
        1.0,
        "Number of candidates, as a multiple of the mixes, crops, pastes or flipped images that are"
        " wanted.",
        least=1,
        below=math.inf,
        remedy="it is a multiple of what is wanted",
    )
    scored_images: int = field(
        0,
        "active_labelling, random_crops, pastes, flips: number of images that the student scores in"
        " a round, at least as many as it chooses. They are drawn again in each round from the"
        " unused images. 0 scores all.",
        least=0,
    )
    max_per_image: int = field(
        20,
        "capped, excess_doubt: maximum number of mixes of a round that contain the same image,"
        " without the mixes that search.random_share adds.",
        least=1,
        was="per_image",
    )
    committee: int = field(
        5,
        "ensemble, distillation_gap, epig: number of students that are compared, each trained like"
        " the round's own. bald: number of passes, usually 10.",
        least=2,
    )
    gap_teacher: str = field(
        "committee",
        "distillation_gap: what replaces the teacher. committee (further students: for a paid"
        " teacher), or network (as in its paper, for ground-truth labels: teacher.model, trained by"
        " teacher.train on the labelled images, and a student that learns its soft answers).",
        choices=("committee", "network"),
    )
    random_share: float = field(
        0.0,
        "active_mixup: share of each round's mixes that are random pairs, drawn in the same way"
        " as by random_mixup.",
        least=0,
        below=1,
        remedy="method 'random_mixup' takes all at random",
    )
    variants: int = field(
        0,
        "Number of variants of every real image. They are mixed like real images, but never queried"
        " unmixed. The paper has none.",
        least=0,
    )
    variant_crop: int = field(
        2, "Variants are shifted by up to this many pixels at random.", least=0
    )
    variant_flip: bool = field(False, "Flip every second variant. Unsuitable for digits.")
    variant_rotate: float = field(
        0.0,
        "Variants are rotated by up to this many degrees in either direction.",
        least=0,
        most=180,
        remedy="it is in degrees",
    )
    variant_zoom: float = field(
        0.0,
        "Scale each side of a variant by a random factor from 1 / (1 + this) to 1 + this.",
        least=0,
        below=10,
        remedy="0.25 means from 0.8 to 1.25",
    )
    crop_area: tuple[float, ...] = field(
        (0.3, 1.0),
        "random_crops: smallest and largest share of an image's area that a crop has.",
        above=0,
        most=1,
        remedy="it is a share of the area",
    )
    crop_stretch: float = field(
        1.33,
        "random_crops: largest factor by which a crop is wider or narrower than the image's"
        " proportions. The crop is then resized to these proportions.",
        least=1,
        below=math.inf,
    )
    crop_flip: bool = field(
        False, "random_crops: flip every second crop at random. Unsuitable for digits."
    )
    paste_area: tuple[float, ...] = field(
        (0.1, 0.9),
        "pastes: smallest and largest share of an image's area that comes from another image.",
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
        "Images selected per round: equal, doubling (the total selected doubles), or a"
        " list such as '100,200,500'.",
    )
    chunk: int = field(
        0,
        "Pairs per dispatch. It changes progress and memory, never the result. 0 means 4096 on a"
        " CPU; on an accelerator, as many as take half a second, estimated from earlier"
        " dispatches.",
        least=0,
        identity=False,
    )
    tile: int = field(
        0,
        "Pairs in one compiled tile; 0 chooses by backend, network and the accelerator's memory."
        " It may change the last bit of scores.",
        least=0,
    )
    table_bytes: int = field(
        4 * 2**30,
        "Mix activations after the first affine layer if their table has at most this many bytes;"
        " otherwise mix images: the same scores up to rounding, but more work.",
        least=0,
    )
