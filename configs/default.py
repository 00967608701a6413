"""Every field with its default; the other configurations start from this one.

Command: python launch.py --config=configs/default.py --workdir=runs/default
Data:    scikit-learn's embedded 8x8 digits. About a minute on 2 CPU cores.

Written by `python -m amkd.config.write_default` from the declarations in amkd/config.
"""

from ml_collections import ConfigDict


def get_config(preset: str = "") -> ConfigDict:
    """The defaults. Presets: ``smoke``."""
    config = ConfigDict()
    # Seed of all random numbers; seed, round and purpose determine every random stream.
    config.seed = 0
    # digits (embedded), folder (your own image files, see data.folder), manifest (image files that
    # a table lists, see data.manifest), hf:OWNER/NAME (Hugging Face; @REVISION after it names a
    # version) or hf:FOLDER (saved with save_to_disk), tfds:FOLDER (prepared for TFDS), or any TFDS
    # image-classification data set: mnist, cifar10:3.0.2, ... With lanes instead of classes: roads
    # (made by the package), tusimple and culane (folders of these benchmarks, see data.folder).
    config.dataset = "digits"
    # Real, unlabeled images drawn by seed: N. 0 means all, or as many as the budget allows. The
    # rest of the budget is then for images that the method makes, such as mixes; if nothing is
    # left, the method is real_only. With active_labelling, 0 means as many images in round 0 as in
    # each later round.
    config.n_real = 200
    # Maximum number of queries of the run, including the first n_real: a hard limit.
    config.budget = 1000
    # Rounds after round 0. Each selects, queries and trains. Methods that select nothing ignore it.
    config.rounds = 3
    # How the queries are spent. auto (what the measurements in results/README.md support: random
    # pairs; with teacher.kind=labels whole images); active_mixup (the paper's); random_mixup
    # (random pairs); pooled_mixup (some of many random mixes); vanilla_al (the lowest C1 of all
    # single mixes); random_crops, pastes (an image with a rectangle of another) and flips (flipped
    # images) instead of mixes; real_only (no mixes); active_labelling (whole images, some in every
    # round); full_kd (all images of the data set instead of n_real, no mixes); zskd (images made
    # from the teacher's own network); fskd (images made from n_real others by gradients of the
    # teacher's network); sskd (each real image and its three rotations). With ground-truth labels,
    # as references: supervised_real, supervised_full. Your own method is module:NAME, as in
    # amkd/methods/base.py.
    config.method = "active_mixup"
    # Student network: lenet5 lenet5_half alexnet alexnet_half vgg16 resnet18 resnet18_224
    # row_anchor row_anchor_half (both for lanes); with published weights: resnet18_imagenet
    # resnet50_imagenet efficientnet_lite0 tf_efficientnet_lite0 mobilenetv3_small_100 convnext_atto
    # convnext_tiny vit_small_patch16_224 vit_small_patch14_dinov2. Your own network is
    # module:build, as in amkd/models/user_network.py.
    config.student = "lenet5_half"
    # Source of the student's initial weights, except those of the last layer: a file *.safetensors
    # of timm, hf:OWNER/NAME@COMMIT on the Hugging Face hub (without @COMMIT the newest), or your
    # own function, module:load, which takes the network's variables and returns others. Empty for
    # random weights.
    config.student_weights = ""
    # Height in pixels at which the student sees the images, 0 for their own size. The teacher gets
    # images of data.size, and the student's network begins with an antialiased resize. Augmentation
    # works at data.size.
    config.student_size = 0
    # Width in pixels at which the student sees the images; student_size is then the height. 0 keeps
    # the proportions of the images, so that squares stay squares.
    config.student_width = 0
    # True: each round continues from the last student. The paper trains a new student.
    config.warm_start = False
    # Epochs of the last round's training; 0 for the same as in the other rounds. The rounds before
    # it only need a student that chooses well.
    config.last_epochs = 0
    # GPUs: the same bits in every run on the same kind of GPU, at some cost in speed (XLA's
    # xla_gpu_deterministic_ops). Runs on CPUs and TPUs always repeat their bits.
    config.deterministic = False
    # Where decoded data sets and trained teachers are kept for later runs.
    config.cache_dir = "~/.cache/amkd"

    # The images.
    config.data = ConfigDict()
    # Out of domain: draw the real images from this data set instead, and convert them to the size
    # and the colours of the teacher's images. Empty for the teacher's own data set.
    config.data.real = ""
    # TFDS directory. Empty for TFDS_DATA_DIR or TFDS's own default.
    config.data.dir = ""
    # Height and width of the images in pixels; data.resize sets how images of other proportions are
    # converted. From images of a TFDS data set, the middle square is taken. 0 keeps images
    # unchanged.
    config.data.size = 0
    # folder, manifest, hf: width of the images in pixels; data.size is then their height. 0 for
    # squares. All images of a run have one size, since pairs of them are mixed.
    config.data.width = 0
    # Evaluate on this many test images only; 0 for all. digits, roads and TFDS: the first ones;
    # image files and arrays: drawn at random, always the same.
    config.data.test_images = 0
    # On which images the student is evaluated: test, or train. With train, as many images of the
    # training set as there are test images are held out: they are not drawn as real images, and the
    # student is compared with the teacher's answers to them. In this way, a recipe can be chosen
    # without the test set.
    config.data.evaluate_on = "test"
    # folder: the folder of your unlabeled image files. Subfolders are also read; their names have
    # no meaning. It may be in a bucket: s3://BUCKET/FOLDER or gs://BUCKET/FOLDER. tusimple, culane:
    # the folder of the benchmark.
    config.data.folder = ""
    # folder: labeled image files for the final evaluation, in one subfolder per class. Empty for
    # none.
    config.data.test_folder = ""
    # manifest: the table that lists your image files, .csv, .tsv, .jsonl or .parquet. It has a
    # column path, and optionally columns for label, split (train, test) and the teacher's answers;
    # see docs/data.md.
    config.data.manifest = ""
    # manifest, hf: the column of the images. Empty for path in a manifest, and for the only image
    # column of a Hugging Face data set.
    config.data.image_column = ""
    # manifest, hf: the column of the ground-truth labels. Empty for label in a manifest, and for
    # the only column of classes of a Hugging Face data set.
    config.data.label_column = ""
    # folder, manifest: the classes, in the teacher's order: names ('cat,dog'), a file with one name
    # a line, or their number. Empty for the subfolders of test_folder, or the labels of the
    # manifest: in numerical order if all names are numbers, otherwise in text order.
    config.data.classes = ""
    # folder without test_folder, and manifest, hf, tusimple and culane without test images: number
    # of images held out for evaluation. If they have no ground-truth labels, they are also sent to
    # the teacher; these queries are in addition to the budget and are counted separately.
    config.data.held_out = 200
    # folder, manifest, hf: how an image is brought to data.size: crop (the largest central part
    # with these proportions), pad (the whole image in its own proportions, with black margins) or
    # stretch.
    config.data.resize = "crop"
    # folder, manifest, hf: colours of the images, rgb or grey.
    config.data.mode = "rgb"
    # folder, manifest, hf: image files that cannot be read are listed; then: refuse (stop) or skip.
    config.data.broken = "refuse"

    # The black box.
    config.teacher = ConfigDict()
    # flax (a local network, trained at first use), python (your own function), onnx (a file),
    # labels (the ground-truth labels of the data set, as a reference), or a service: oip (Open
    # Inference Protocol v2: Triton, MLServer, KServe, ...), tfserving, json.
    config.teacher.kind = "flax"
    # A well-known service or server, whose fields are then set by its profile: azure_custom_vision
    # bentoml gemini google_vision huggingface kserve mlserver openai_chat rekognition_custom_labels
    # rekognition_labels roboflow torchserve triton. Fields that you set yourself take precedence.
    # --mode=plan prints what the profile sets. Empty for none.
    config.teacher.profile = ""
    # flax: the network; the same names as student.
    config.teacher.model = "lenet5"
    # flax: seed of the teacher's training. It is separate from config.seed so that runs of many
    # seeds share a teacher.
    config.teacher.seed = 0
    # flax: number of labeled images held out of its training for validation.
    config.teacher.validation = 100
    # flax: train it on this many labeled images only; 0 for all that are not held out.
    config.teacher.images = 0
    # flax: lowest accepted validation accuracy, as a share; 0 requires twice the accuracy of
    # chance. Checked before the first query.
    config.teacher.min_accuracy = 0.0
    # python: 'module:function', from uint8[B, H, W, C] to answers [B, Y].
    config.teacher.function = ""
    # Name of the teacher in the ledger. Empty for the name of the function, file or service. Change
    # it when the model behind it changes: an image whose answer is stored under an identity is not
    # sent again.
    config.teacher.identity = ""
    # json, onnx, oip, tfserving: file with a JSON object that maps the service's labels to class
    # names or numbers (-1: ignore). Empty if its labels are the class names (in upper or lower
    # case) or, if no class has a number as its name, the numbers of the classes, counted from 0.
    config.teacher.labels = ""
    # Send the evaluation images to the teacher, for its accuracy and the agreement (counted
    # separately from the budget): yes, no, or auto (for a flax teacher, and wherever there are no
    # ground-truth labels).
    config.teacher.evaluate = "auto"
    # Images in one call of the teacher, or in one request.
    config.teacher.batch = 256
    # Number of simultaneous calls.
    config.teacher.in_flight = 1
    # Maximum number of calls per second; 0 for no limit.
    config.teacher.rate = 0.0
    # How often a batch is sent when the service is busy, fails or cannot be reached.
    config.teacher.attempts = 6
    # Seconds before the second attempt. They double with every attempt, with jitter.
    config.teacher.first_wait = 1.0
    # Maximum seconds between two attempts, unless the service asks for more (Retry-After).
    config.teacher.longest_wait = 60.0
    # Maximum seconds that the run waits because the service asks it to (Retry-After). If the
    # service asks for more, the run stops; run the same command later to resume.
    config.teacher.longest_retry_after = 3600.0
    # Price of one image, for the plan, the ledger and max_cost.
    config.teacher.price = 0.0
    # Currency of the price.
    config.teacher.currency = "USD"
    # Maximum that the run may spend, including evaluation and lost requests; 0 for no limit.
    config.teacher.max_cost = 0.0
    # Maximum number of images that may be sent without a usable answer: the replies were lost in
    # transit or could not be used, and the service may have billed them. The run stops before it
    # exceeds this. 0 for a fifth of the budget, and at least 20 and twice what may be in flight; no
    # limit for the kinds flax, labels and onnx, and for a python function without a price.
    config.teacher.max_lost = 0
    # After this many batches, and at the end of every round, one image is queried again, and its
    # answer is compared with the stored one; 0 for never. A different answer stops the run: replies
    # may have been swapped in transit. These queries are in addition to the budget, and count
    # towards max_cost.
    config.teacher.sentinel = 0
    # --mode=probe: number of images that it queries before the real spending.
    config.teacher.probe_images = 20

    # What the teacher answers.
    config.teacher.answers = ConfigDict()
    # What the teacher answers: probabilities, logits, top_k (probabilities of some classes), scores
    # (independent for each class: several may be high, and they are divided by their sum),
    # percentages (rounded), or label (a hard label: one class). A richer answer is reduced to this
    # form.
    config.teacher.answers.form = "probabilities"
    # logits: divided by this before the softmax.
    config.teacher.answers.temperature = 1.0
    # top_k: number of scores that are used, 0 for all. The rest of the probability, 1 minus their
    # sum, is spread evenly over the other classes.
    config.teacher.answers.top_k = 5

    # What the teacher's model expects of its input.
    config.teacher.pixels = ConfigDict()
    # onnx, oip, tfserving: order of the axes of the model's input: nhwc, nchw, or auto (from its
    # metadata). For an input of flattened images, the order of their values.
    config.teacher.pixels.layout = "auto"
    # Type of the model's input: uint8 (passes the bytes on unchanged), float16, float32, float64,
    # or auto (from its metadata).
    config.teacher.pixels.dtype = "auto"
    # 8-bit values are divided by this; then mean is subtracted; then the result is divided by std.
    config.teacher.pixels.divide = 1.0
    # No number, one, or one per channel.
    config.teacher.pixels.mean = ()
    # No number, one, or one per channel.
    config.teacher.pixels.std = ()

    # oip, tfserving, json: how the service is reached.
    config.teacher.http = ConfigDict()
    # oip, tfserving: the server, https://host:port. json: the full address of the endpoint. It is
    # stored on disk without user, query and fragment.
    config.teacher.http.url = ""
    # Seconds to wait for a connection.
    config.teacher.http.connect_timeout = 10.0
    # Seconds to wait for a reply.
    config.teacher.http.read_timeout = 60.0
    # Header that carries the secret.
    config.teacher.http.auth_header = "Authorization"
    # The word before the secret: Bearer, Basic (the secret is user:password), or empty.
    config.teacher.http.auth_scheme = "Bearer"
    # Environment variable that holds the secret. Empty for none. Never write the secret into a
    # configuration.
    config.teacher.http.auth_env = ""
    # File that holds the secret. Empty for none.
    config.teacher.http.auth_file = ""
    # File with further certificate authorities. Empty for the system's. TLS is always verified.
    config.teacher.http.ca_file = ""
    # Header with the key of a request. The key is the same on every attempt and after a restart: a
    # service that honours it bills a request only once, even if its reply is lost. Empty for none.
    config.teacher.http.idempotency_header = "Idempotency-Key"
    # Use a new connection for every request: slower, but no reply can reach the next request.
    config.teacher.http.fresh_connections = False
    # Maximum size of a reply in MiB, compressed or decompressed. 0 for a limit that depends on the
    # request: 4 MiB, plus 64 KiB and 1 KiB per class for each image.
    config.teacher.http.max_reply_mib = 0.0
    # Further headers of every request, as a JSON object: {"X-Version": "2"}. Never a secret:
    # configurations are stored on disk.
    config.teacher.http.headers = ""
    # Words, separated by commas: a reply of status 4xx whose body contains one of them means that
    # the service is busy, and the request is sent again. Empty for none.
    config.teacher.http.busy = ""
    # Sign every request by AWS Signature 4 for this service, such as rekognition, with the
    # credentials that botocore finds (extra aws). Empty for no signature.
    config.teacher.http.aws_service = ""
    # The region of aws_service, such as eu-west-1. It replaces "$region" in http.url.
    config.teacher.http.aws_region = ""

    # oip: the model.
    config.teacher.oip = ConfigDict()
    # Name of the model.
    config.teacher.oip.model = ""
    # Version of the model. Empty for the only one.
    config.teacher.oip.version = ""
    # Name of the input tensor. Empty for the only one.
    config.teacher.oip.input = ""
    # Name of the output tensor. Empty for the only one.
    config.teacher.oip.output = ""
    # Send tensors as bytes instead of JSON: yes, no, or auto (where the server offers it).
    config.teacher.oip.binary = "auto"

    # tfserving: the model.
    config.teacher.tfserving = ConfigDict()
    # Name of the model.
    config.teacher.tfserving.model = ""
    # Version of the model. Empty for the newest.
    config.teacher.tfserving.version = ""
    # Signature of the model. Empty for serving_default.
    config.teacher.tfserving.signature = ""
    # Name of the signature's input. Empty for the only one.
    config.teacher.tfserving.input = ""
    # Name of the signature's output. Empty for the only one.
    config.teacher.tfserving.output = ""

    # json: the request, and where to find the parts of the reply. Paths are JMESPath.
    config.teacher.json = ConfigDict()
    # The request as JSON. "$image" is replaced by an image file in base64, "$id" by the number of
    # the image, "$model" by json.model, and "$mime" by the type of the image file. A list whose
    # only element contains "$image" gets that element once per image of a batch. "$classes" alone
    # is replaced by the list of the class names, and inside a text by the names in quotes.
    config.teacher.json.request = '{"image": "$image"}'
    # What the request's body is: json (json.request), form (the fields of json.request as
    # multipart/form-data, with the image file in place of "$image"), file (only the image file), or
    # base64 (only the image file, in base64).
    config.teacher.json.body = "json"
    # Name of the model: it replaces "$model" in json.request and http.url.
    config.teacher.json.model = ""
    # How images are encoded: png or jpeg.
    config.teacher.json.encoding = "png"
    # jpeg: quality, 1 to 100.
    config.teacher.json.quality = 95
    # Path to the reply's list with one entry per image. Empty if the reply is about one image.
    config.teacher.json.entries = ""
    # Path inside an entry to a list of scores, or to an object of scores by label. Empty if the
    # service returns only a hard label.
    config.teacher.json.scores = "scores"
    # Path inside an entry to the labels that belong to the scores, or to the hard label. Empty if
    # there are none.
    config.teacher.json.labels = ""
    # Path inside an entry to the "$id" that it answers. Empty if entries are in the order of the
    # images.
    config.teacher.json.id = ""
    # Path inside an entry to a text that contains JSON, such as the answer of a chat: scores and
    # labels are read from this JSON. Empty if the entry itself contains them.
    config.teacher.json.text = ""
    # Path inside an entry to the service's message about an image that it could not process. Empty
    # if there is none.
    config.teacher.json.error = ""
    # Labels that are neither classes nor in teacher.labels: refuse (the run stops), or ignore (for
    # a service with thousands of labels; an image for which it names no class gets equal scores).
    config.teacher.json.unknown = "refuse"
    # Scores are multiplied by this: 0.01 for the percentages of a top_k list.
    config.teacher.json.scale = 1.0

    # onnx: the file.
    config.teacher.onnx = ConfigDict()
    # File of the model, *.onnx.
    config.teacher.onnx.path = ""
    # Name of the model's input. Empty for the only one.
    config.teacher.onnx.input = ""
    # Name of the model's output. Empty for the only one.
    config.teacher.onnx.output = ""

    # flax: the teacher's recipe, on ground-truth labels.
    config.teacher.train = recipe()

    # How the images of a round are chosen.
    config.search = ConfigDict()
    # How C2 is minimised over lambda: grid (the paper's), refined (the true minimum: a curve
    # through the logits shows where to look), or screened (refined, but only for pairs that may be
    # among the k lowest; a random sample measures what this missed).
    config.search.minimiser = "grid"
    # Lowest lambda, above 0. Range and grid are those of the released code.
    config.search.lam_low = 0.3
    # Highest lambda, below 1.
    config.search.lam_high = 0.7
    # grid: number of values, evenly spaced.
    config.search.lam_count = 11
    # refined, screened: evaluations of the student for a pair.
    config.search.evaluations = 5
    # active_mixup: number type in which all pairs are first scored. float32 is exact. tensorfloat32
    # and bfloat16 are many times faster on accelerators: then only a shortlist is scored in
    # float32, and a random sample measures what this missed (search.recall). Reported scores are
    # always in float32.
    config.search.forecast = "float32"
    # screened, or a forecast that is not in float32: share of the k lowest pairs that must have
    # been found, with 95% certainty; otherwise more pairs are refined.
    config.search.recall = 0.95
    # Lambda of random pairs (random_mixup, pooled_mixup, random_share): half (0.5), or grid (a
    # random value of the grid for each).
    config.search.random_lam = "half"
    # How images are chosen: by active_mixup among the candidates of lowest C2, by pooled_mixup,
    # random_crops, pastes and flips among those drawn, and by active_labelling among all images.
    # lowest (the paper's: the first of them), capped (no real image in more than
    # search.max_per_image of a round's mixes), balanced (equally many of each class that the
    # student predicts), k_center (far from each other, and from all queried images, in the
    # student's features), margin, entropy, ensemble, bald (for students with dropout), badge,
    # learning_loss, distillation_gap, transductive_variance, epig, excess_doubt,
    # uncertainty_herding, random; for lanes also acd. Your own is module:NAME, as in
    # amkd/acquisitions/base.py.
    config.search.acquisition = "lowest"
    # Number of candidates, as a multiple of the mixes, crops, pastes or flipped images that are
    # wanted.
    config.search.candidates = 1.0
    # active_labelling, random_crops, pastes, flips: number of images that the student scores in a
    # round, at least as many as it chooses. They are drawn again in each round from the unused
    # images. 0 scores all.
    config.search.scored_images = 0
    # capped, excess_doubt: maximum number of mixes of a round that contain the same image, without
    # the mixes that search.random_share adds.
    config.search.max_per_image = 20
    # ensemble, distillation_gap, epig: number of students that are compared, each trained like the
    # round's own. bald: number of passes, usually 10.
    config.search.committee = 5
    # distillation_gap: what replaces the teacher. committee (further students: for a paid teacher),
    # or network (as in its paper, for ground-truth labels: teacher.model, trained by teacher.train
    # on the labelled images, and a student that learns its soft answers).
    config.search.gap_teacher = "committee"
    # active_mixup: share of each round's mixes that are random pairs, drawn in the same way as by
    # random_mixup.
    config.search.random_share = 0.0
    # Number of variants of every real image. They are mixed like real images, but never queried
    # unmixed. The paper has none.
    config.search.variants = 0
    # Variants are shifted by up to this many pixels at random.
    config.search.variant_crop = 2
    # Flip every second variant. Unsuitable for digits.
    config.search.variant_flip = False
    # Variants are rotated by up to this many degrees in either direction.
    config.search.variant_rotate = 0.0
    # Scale each side of a variant by a random factor from 1 / (1 + this) to 1 + this.
    config.search.variant_zoom = 0.0
    # random_crops: smallest and largest share of an image's area that a crop has.
    config.search.crop_area = (0.3, 1.0)
    # random_crops: largest factor by which a crop is wider or narrower than the image's
    # proportions. The crop is then resized to these proportions.
    config.search.crop_stretch = 1.33
    # random_crops: flip every second crop at random. Unsuitable for digits.
    config.search.crop_flip = False
    # pastes: smallest and largest share of an image's area that comes from another image.
    config.search.paste_area = (0.1, 0.9)
    # pastes: both parameters of the beta distribution of that share; 1 is uniform.
    config.search.paste_beta = 1.0
    # Ablation: make the same bytes as the released code, which truncates mixes and turns white into
    # black.
    config.search.as_released = False
    # Size of the pool: a uniform sample of this many pairs, drawn once; 0 takes all N(N-1)/2.
    config.search.max_pairs = 0
    # Images selected per round: equal, doubling (the total selected doubles), or a list such as
    # '100,200,500'.
    config.search.schedule = "equal"
    # Pairs per dispatch. It changes progress and memory, never the result. 0 means 4096 on a CPU;
    # on an accelerator, as many as take half a second, estimated from earlier dispatches.
    config.search.chunk = 0
    # Pairs in one compiled tile; 0 chooses by backend, network and the accelerator's memory. It may
    # change the last bit of scores.
    config.search.tile = 0
    # Mix activations after the first affine layer if their table has at most this many bytes;
    # otherwise mix images: the same scores up to rounding, but more work.
    config.search.table_bytes = 4294967296

    # The student's recipe, the same in every round.
    config.train = recipe()

    # A network that answers further images for the student, without queries.
    config.assistant = ConfigDict()
    # The assistant's network; the same names as student. Empty for no assistant: the student learns
    # from the teacher's answers alone.
    config.assistant.model = ""
    # Source of the assistant's initial weights, as in student_weights. Empty for random weights.
    config.assistant.weights = ""
    # Height in pixels at which the assistant sees the images, 0 for their own size; the width keeps
    # the proportions.
    config.assistant.size = 0
    # Rounds in which it is used: last (the students of earlier rounds only choose images), or all.
    # A new assistant is trained in each of these rounds, on all answers so far.
    config.assistant.rounds = "last"
    # Number of fresh mixes that it answers in such a round. Each mixes two images that the teacher
    # answered unmixed, at a random lambda from search.lam_low to search.lam_high.
    config.assistant.mixes = 10000
    # Share of these mixes whose pair the teacher answered at another lambda. The pairs of the other
    # mixes were never sent to the teacher.
    config.assistant.near = 0.0
    # active_labelling: number of real images that it answers in such a round, drawn from those that
    # were not sent to the teacher.
    config.assistant.real_images = 0
    # Share of the assistant's images in each batch of the student. An epoch passes once over the
    # teacher's answers, so at 0.5 it has twice as many steps.
    config.assistant.share = 0.5
    # Its answer to an image is the mean over this many views: the image itself, and copies that are
    # augmented as set in assistant.train (crop, flip, rotate, zoom).
    config.assistant.views = 1

    # The assistant's recipe, on the teacher's answers.
    config.assistant.train = recipe()

    # zskd: how images are made from noise.
    config.zskd = ConfigDict()
    # Steps of gradient descent that make an image from noise.
    config.zskd.steps = 1500
    # Images made at a time; all of them are scaled to [0, 1] together.
    config.zskd.batch = 100
    # Learning rate of Adam, on pixels in [0, 1].
    config.zskd.learning_rate = 0.001
    # Temperature of the teacher's answers while images are made; the student's is
    # train.temperature.
    config.zskd.temperature = 20.0
    # Scales of the Dirichlet concentrations, used in turn.
    config.zskd.betas = (1.0, 0.1)
    # Number of views of each image that are also queried: budget / (1 + copies) images are made.
    config.zskd.copies = 3
    # As in the released code: all scales are 1.
    config.zskd.as_released = False

    # fskd: how images are made from real ones.
    config.fskd = ConfigDict()
    # How often the pseudo-examples are doubled, up to the budget. Before each doubling, a target
    # network like the student is trained on all images so far. 0: only the first pseudo-examples,
    # each of which lies between two real images.
    config.fskd.doublings = 3
    # Epochs of the target network's training before a doubling. Everything else is as in the train
    # recipe, except its loss and min_steps.
    config.fskd.epochs = 25
    # How an image is changed to increase the divergence of the target network from the teacher:
    # adam (every pixel by about the same amount), or gradient (each pixel in proportion to its
    # gradient; steps below half a grey level are lost).
    config.fskd.ascent = "adam"
    # Learning rate of this ascent, on pixels in [0, 1].
    config.fskd.rate = 0.02
    # Steps of this ascent in a doubling.
    config.fskd.steps = 1
    # Training of the target network: weight of the real images' mean loss; the mean loss of the
    # pseudo-examples has weight 1.
    config.fskd.real_weight = 1.0
    # Training of the target network: weight of a pseudo-example of which the teacher is certain
    # (its fidelity).
    config.fskd.most_weight = 1.0
    # Training of the target network: weight of a pseudo-example whose answer has the mean entropy.
    # If it equals most_weight, all have the same weight.
    config.fskd.mean_weight = 0.5

    # The answers that were paid for.
    config.ledger = ConfigDict()
    # File of paid answers, which several runs may share. Empty for WORKDIR/ledger.sqlite.
    config.ledger.path = ""

    # How often a run is saved.
    config.checkpoint = ConfigDict()
    # Seconds between two saves of a training, at the end of an epoch, or of a search.
    config.checkpoint.seconds = 60.0

    # What a run shows.
    config.report = ConfigDict()
    # Progress bars.
    config.report.progress = True
    # TensorBoard event files.
    config.report.tensorboard = True
    # The curves and contact sheets of report.html as SVG files, in plots/.
    config.report.plots = True
    # report.html: the whole run on one page that needs no internet connection.
    config.report.html = True
    # Agreement with the teacher that student and teacher together must reach, such as 0.95: the
    # report states the lowest confidence at which the student may answer alone (serve.threshold).
    # This needs the teacher's answers to the evaluation images (teacher.evaluate). 0 to leave it
    # out.
    config.report.cascade_agreement = 0.0
    # Seconds between two heartbeats in WORKDIR/progress.json, which contains the state of the run
    # (amkd status WORKDIR). 0 for none.
    config.report.beat_seconds = 10.0
    # Port at which Prometheus can read the progress of the run, from this machine only:
    # http://127.0.0.1:PORT/metrics. 0 for none.
    config.report.prometheus_port = 0
    # Weights & Biases: the project that gets the curves of the run. Empty for none. Server, key and
    # mode are set by wandb's environment variables, such as WANDB_API_KEY and WANDB_MODE=offline.
    config.report.wandb = ""
    # MLflow: the experiment that gets the curves of the run. Empty for none. The environment
    # variable MLFLOW_TRACKING_URI names the server.
    config.report.mlflow = ""
    # All files are accessible to your user only (0600, folders 0700). False: the umask applies.
    config.report.private = True

    # The student as files for other programs.
    config.export = ConfigDict()
    # What --mode=export writes: one or more of stablehlo, onnx, onnx_int8, separated by commas.
    # onnx_int8 computes in 8 bits, calibrated on the run's real images.
    config.export.formats = "stablehlo,onnx"
    # onnx_int8: points of agreement with the student in full precision that may be lost on
    # evaluation images; a larger loss gives a warning in the model card.
    config.export.int8_loss = 2.0
    # predict: write names into the CSV file unchanged. Otherwise a name that a spreadsheet would
    # execute, such as =1+2, gets an apostrophe in front, and control characters are escaped.
    config.export.plain_csv = False
    # The student's licence, for its model card.
    config.export.license = ""

    # The student as a service: --mode=serve.
    config.serve = ConfigDict()
    # The student answers an image if its highest probability is at least this; the paid teacher
    # answers the others, within teacher.max_cost. 0: the student answers all.
    config.serve.threshold = 0.0
    # What computes the student's answers: onnx or onnx_int8 (the file in WORKDIR/export), jax (the
    # saved network), or auto: the ONNX file if it is there and onnxruntime is installed, else jax.
    config.serve.student = "auto"
    # Longest time that a request waits for the teacher's answers to earlier requests; then the
    # student answers it.
    config.serve.wait_seconds = 30.0
    # If the teacher cannot be reached, or asks for a long wait: time in which nothing is sent to
    # it, and the student answers at once.
    config.serve.pause_seconds = 30.0
    # Maximum number of images in one request.
    config.serve.max_batch = 64

    if preset == "smoke":
        config.n_real, config.budget, config.rounds = 50, 150, 2
        config.train.epochs = config.teacher.train.epochs = 20
        config.train.min_steps = 300
    elif preset:
        raise ValueError(f"preset {preset!r} does not exist; there is: smoke")
    return config


def recipe() -> ConfigDict:
    """How a network is trained: the ``train`` group, and ``teacher.train``."""
    config = ConfigDict()
    # Passes over the training set of the round.
    config.epochs = 60
    # Minimum number of steps, however small the training set is: the first rounds then have more
    # passes.
    config.min_steps = 0
    # Images per step, over all devices together; a multiple of the number of devices.
    config.batch_size = 128
    # sgd (weight decay in the gradient) or adamw (decoupled weight decay).
    config.optimizer = "adamw"
    # Peak learning rate.
    config.learning_rate = 0.002
    # Momentum of sgd.
    config.momentum = 0.9
    # Weight decay, on every parameter.
    config.weight_decay = 0.0005
    # Schedule of the learning rate: steps (multiplied by drop_factor at each of drops), cosine (to
    # 0), or constant.
    config.schedule = "cosine"
    # steps: where the learning rate drops, as ascending fractions of the training (the released
    # code's 80+60+40+20 epochs).
    config.drops = (0.4, 0.7, 0.9)
    # steps: the learning rate is multiplied by this at each drop.
    config.drop_factor = 0.1
    # Share of the steps in which the learning rate grows from 0.
    config.warmup = 0.0
    # soft: cross-entropy against the answers (the paper's), at a temperature. standardised: the
    # logits of student and teacher, each divided by their standard deviation over the classes
    # (MIX-KD), without a temperature. pad_kl: the divergence of soft, divided by a variance that
    # the student's features predict for each image, so that easy images have more weight (PAD,
    # adapted to black boxes). pad_l2 (only with teacher.kind=flax): soft, plus the squared
    # distances of the student's last features from the teacher's, each divided by a variance of its
    # dimension (PAD itself). The features of a record, like its answer, are those of the image that
    # was queried, also where train.crop and other augmentations change the image; a mix of records
    # has the mix of their features. pad_l2 needs more steps than soft: the features outweigh the
    # answers until the student's match the teacher's. sskd (only with teacher.kind=flax and
    # method=sskd): soft, plus the similarity of each rotated image to every upright image of the
    # batch, computed by heads on the last features of teacher and student (SSKD).
    config.loss = "soft"
    # Distillation temperature tau: answers p are changed to p**(1/tau). 1 is the paper's.
    config.temperature = 1.0
    # pad_kl, pad_l2: share of the steps, at the start, in which all images or dimensions have the
    # same weight.
    config.pad_warmup = 0.5
    # Relative weights of the records of a batch, by the distance of the student from the teacher on
    # each: even; discard_hard (the hardest are left out); softmax, polynomial (easier records have
    # more weight: baselines in the paper of PAD); fidelity (FSKD's: records have more weight where
    # the teacher is more certain).
    config.weighting = "even"
    # discard_hard: share of each batch that is left out.
    config.weighting_share = 0.25
    # polynomial: the weight is (1 - distance / largest distance of the batch), raised to this
    # power.
    config.weighting_power = 1.0
    # fidelity: weight where the teacher's uncertainty equals the mean of the batch. Where the
    # teacher is certain, the weight is 1.
    config.weighting_fidelity = 0.5
    # Weight in the loss of images whose class a person has corrected (amkd review WORKDIR
    # --read=FILE.csv): the corrected class replaces the teacher's answer. Other images have weight
    # 1; mixes are not corrected. 0 uses no corrections. A run keeps using the corrections that its
    # ledger had when the run began.
    config.corrections = 0.0
    # Augmentation on the device: shift by up to this many pixels. The answer stays the same, and no
    # query is needed.
    config.crop = 0
    # Augmentation: flip every second image. Unsuitable for digits.
    config.flip = False
    # Augmentation: rotate by up to this many degrees in either direction.
    config.rotate = 0.0
    # Augmentation: scale each side by a random factor from 1 / (1 + zoom) to 1 + zoom; 0.25 means
    # from 0.8 to 1.25.
    config.zoom = 0.0
    # Share of each batch whose images and answers are mixed with others of the batch. It needs no
    # query.
    config.mix_share = 0.0
    # Both parameters of the beta distribution of lambda in these mixes; 1 is uniform.
    config.mix_beta = 1.0
    # As in MIX-KD's released code: the records that are not mixed are drawn with replacement, so
    # that more are mixed than mix_share states: with a batch of 64 and a share of .1, a share of
    # .41 is mixed.
    config.mix_as_released = False
    # Decay of a running average of the network, which is then the result; 0 for none.
    config.average = 0.0
    # What keeps its initial weights: backbone (all but the last layer), or names of layers and
    # blocks, separated by commas, such as conv_stem,bn1,blocks.0. BatchNorm there keeps its
    # statistics and uses them. Empty for nothing.
    config.freeze = ""
    # The learning rate of all but the last layer, as a multiple of learning_rate.
    config.backbone_rate = 1.0
    # For pretrained networks, above all ViT: the learning rate of each block is that of the next
    # block, multiplied by this; 0.75 is usual. 1 for equal rates.
    config.layer_decay = 1.0
    # freeze=backbone: features of this many views of each image are computed once and cached, and
    # only the last layer is trained, on them. The first view is the image itself, the others are
    # augmented (crop, flip, rotate, zoom). 0 runs the whole network in every step.
    config.views = 0
    # Type of the computation in training: float32 or bfloat16. Scoring is always float32.
    config.dtype = "float32"
    # How products of float32 numbers are computed in training: float32 (full precision everywhere),
    # tensorfloat32 (NVIDIA GPUs since Ampere in TF32, TPUs in three passes of bfloat16), or default
    # (the same GPUs in TF32, TPUs in one pass of bfloat16). A CPU, or an older GPU, computes all of
    # them in full precision. Scoring is always in full precision.
    config.precision = "default"
    # Maximum number of training steps in one compiled program; 0 chooses by backend: 1 on a CPU, 64
    # on an accelerator. It does not change what the result means.
    config.steps_per_dispatch = 0
    return config
