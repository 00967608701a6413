"""Every field with its default; the other configurations start from this one.

Command: python launch.py --config=configs/default.py --workdir=runs/default
Data:    scikit-learn's embedded 8x8 digits. About a minute on 2 CPU cores.

Written by `python -m amkd.config.write_default` from the declarations in amkd/config.
"""

from ml_collections import ConfigDict


def get_config(preset: str = "") -> ConfigDict:
    """The defaults. Presets: ``smoke``."""
    config = ConfigDict()
    # Seed of everything random; with the round and the purpose it gives every stream.
    config.seed = 0
    # digits (embedded), folder (pictures of yours, see data.folder), manifest (pictures that a
    # table lists, see data.manifest), hf:OWNER/NAME (Hugging Face; @REVISION behind it names a
    # version) or hf:FOLDER (saved with save_to_disk), tfds:FOLDER (prepared for TFDS), or any TFDS
    # image-classification data set: mnist, cifar10:3.0.2, ... With lanes in place of classes: roads
    # (made by the package), tusimple and culane (folders of these benchmarks, see data.folder).
    config.dataset = "digits"
    # Real, unlabeled images drawn by seed: N. 0 means all, or as many as the budget allows. The
    # rest of the budget is then for images that the method makes, such as mixes; where nothing is
    # left, the method is real_only. With active_labelling, 0 means as many images in round 0 as in
    # each later round.
    config.n_real = 200
    # All queries of the run, the first n_real included: a hard stop.
    config.budget = 1000
    # Rounds after round 0. Each selects, queries and trains. Methods that select nothing ignore it.
    config.rounds = 3
    # How the queries are spent. auto (what the measurements in results/README.md support: random
    # pairs; with teacher.kind=labels whole images); active_mixup (the paper's); random_mixup
    # (random pairs); pooled_mixup (some of many random mixes); vanilla_al (the lowest C1 of all
    # single mixes); random_crops, pastes (an image with a rectangle of another) and flips (mirrored
    # images) in place of mixes; real_only (no mixes); active_labelling (whole images, some in every
    # round); full_kd (all images of the data set in place of n_real, no mixes); zskd (images made
    # from the teacher's own network); fskd (images made from n_real others by gradients of the
    # teacher's network); sskd (each real image and its three rotations). With true labels, as
    # references: supervised_real, supervised_full. A method of your own is module:NAME, as in
    # amkd/methods/base.py.
    config.method = "active_mixup"
    # Student network: lenet5 lenet5_half alexnet alexnet_half vgg16 resnet18 resnet18_224
    # row_anchor row_anchor_half (both for lanes); with published weights: resnet18_imagenet
    # resnet50_imagenet efficientnet_lite0 tf_efficientnet_lite0 mobilenetv3_small_100 convnext_atto
    # convnext_tiny vit_small_patch16_224 vit_small_patch14_dinov2. One of your own is module:build,
    # as in amkd/models/user_network.py.
    config.student = "lenet5_half"
    # Where the student's first values come from, all but the last layer's: a file *.safetensors of
    # timm, hf:OWNER/NAME@COMMIT on the Hugging Face hub (without @COMMIT the newest), or a function
    # of your own, module:load, which takes the network's variables and returns others. Empty for
    # random values.
    config.student_weights = ""
    # Height in pixels at which the student sees the images, 0 for their own size: the teacher is
    # asked about images of data.size, and the student's network begins with an antialiased resize.
    # Augmentation works at data.size.
    config.student_size = 0
    # Width in pixels at which the student sees the images; student_size is then the height. 0 keeps
    # the proportions of the images, so that squares stay squares.
    config.student_width = 0
    # True: each round continues from the last student. The paper trains a new one.
    config.warm_start = False
    # Passes of the last round's training, if not 0: the rounds before it only need a student that
    # chooses well.
    config.last_epochs = 0
    # GPUs: the same bits in every run on the same kind of GPU, for some speed (XLA's
    # xla_gpu_deterministic_ops). Runs on CPUs and TPUs repeat their bits anyway.
    config.deterministic = False
    # Where decoded data sets and trained teachers are kept for later runs.
    config.cache_dir = "~/.cache/amkd"

    # The images.
    config.data = ConfigDict()
    # Out of domain: draw the real images from this data set instead, brought to the size and the
    # colours of the teacher's. Empty for the teacher's own.
    config.data.real = ""
    # TFDS directory. Empty for TFDS_DATA_DIR or TFDS's own default.
    config.data.dir = ""
    # Height and width of the images in pixels; data.resize says how pictures of other proportions
    # get it. Of a TFDS data set the middle square is taken. 0 keeps images as they are.
    config.data.size = 0
    # folder, manifest, hf: width of the images in pixels; data.size is then their height. 0 for
    # squares. All images of a run have one size, since pairs of them are mixed.
    config.data.width = 0
    # Evaluate on this many test images only; 0 for all.
    config.data.test_images = 0
    # On which images the student is evaluated: test, or train. With train, as many images of the
    # training set as there are test images are held out: they are not drawn as real images, and the
    # student is compared with the teacher's answers to them. That allows to choose a recipe without
    # the test set.
    config.data.judge = "test"
    # folder: the folder of your pictures, unlabeled. Subfolders are read too and mean nothing. It
    # may be in a bucket: s3://BUCKET/FOLDER or gs://BUCKET/FOLDER. tusimple, culane: the folder of
    # the benchmark.
    config.data.folder = ""
    # folder: pictures with labels for the final evaluation, one subfolder per class. Empty for
    # none.
    config.data.test_folder = ""
    # manifest: the table that lists your pictures, .csv, .tsv, .jsonl or .parquet: a column path,
    # and if you like label, split (train, test) and the teacher's answers; see docs/data.md.
    config.data.manifest = ""
    # manifest, hf: the column of the pictures. Empty for path in a manifest, and for the only
    # column of pictures of a Hugging Face data set.
    config.data.image_column = ""
    # manifest, hf: the column of the true labels. Empty for label in a manifest, and for the only
    # column of classes of a Hugging Face data set.
    config.data.label_column = ""
    # folder, manifest: the classes, in the teacher's order: names ('cat,dog'), a file with one name
    # a line, or their number. Empty takes the subfolders of test_folder, or the labels of the
    # manifest: in the order of their numbers where all their names are numbers, else in the order
    # of text.
    config.data.classes = ""
    # folder without test_folder, manifest, hf, tusimple and culane without test pictures: pictures
    # held out to judge the student. Where they have no labels, the teacher is asked about them too:
    # these queries come on top of the budget and are counted apart.
    config.data.held_out = 200
    # folder, manifest, hf: how a picture gets data.size: crop (the largest part of its middle with
    # these proportions), pad (all of it in its own proportions, and black beside it) or stretch.
    config.data.resize = "crop"
    # folder, manifest, hf: colours of the pictures, rgb or grey.
    config.data.mode = "rgb"
    # folder, manifest, hf: pictures that cannot be read are listed, and then: refuse (stop) or
    # skip.
    config.data.broken = "refuse"

    # The black box.
    config.teacher = ConfigDict()
    # flax (a local network, trained at first use), python (a function of yours), onnx (a file),
    # labels (the data set's own, as a reference), or a service: oip (Open Inference Protocol v2:
    # Triton, MLServer, KServe, ...), tfserving, json.
    config.teacher.kind = "flax"
    # A well-known service or server, whose fields are then set by its profile: azure_custom_vision
    # bentoml gemini google_vision huggingface kserve mlserver openai_chat rekognition_custom_labels
    # rekognition_labels roboflow torchserve triton. Fields that you set yourself win. --mode=plan
    # prints what it sets. Empty for none.
    config.teacher.profile = ""
    # flax: the network; the same names as student.
    config.teacher.model = "lenet5"
    # flax: seed of the teacher's training. It is apart from config.seed so that runs of many seeds
    # share a teacher.
    config.teacher.seed = 0
    # flax: labeled images held out of its training, to validate it.
    config.teacher.validation = 100
    # flax: train it on this many labeled images only; 0 for all that are not held out.
    config.teacher.images = 0
    # flax: lowest validation accuracy accepted, a share; 0 asks for twice chance. Checked before
    # the first query.
    config.teacher.min_accuracy = 0.0
    # python: 'module:function', from uint8[B, H, W, C] to answers [B, Y].
    config.teacher.function = ""
    # Who answers, for the ledger. Empty for the name of the function, file or service. Change it
    # when the model behind it changes: answers of one identity are never asked for twice.
    config.teacher.identity = ""
    # json, onnx, oip, tfserving: file with a JSON object from the service's labels to class names
    # or numbers (-1: ignore). Empty where its labels are the class names (in any case) or, if no
    # class has a number as its name, the numbers of the classes, counted from 0.
    config.teacher.labels = ""
    # Ask the teacher about the images on which the student is evaluated, for its accuracy and the
    # agreement (counted apart from the budget): yes, no, or auto (for a flax teacher, and wherever
    # there are no labels).
    config.teacher.evaluate = "auto"
    # Images in one call of the teacher, or in one request.
    config.teacher.batch = 256
    # Calls under way at once.
    config.teacher.in_flight = 1
    # Calls a second at most; 0 for no limit.
    config.teacher.rate = 0.0
    # How often a batch is tried when the service is busy, broken or out of reach.
    config.teacher.attempts = 6
    # Seconds before the second try. They double from try to try, with jitter.
    config.teacher.first_wait = 1.0
    # Most seconds between two tries, unless the service asks for more (Retry-After).
    config.teacher.longest_wait = 60.0
    # Most seconds that the run waits because the service asks it to (Retry-After). If it asks for
    # more, the run stops, and the same command goes on later.
    config.teacher.longest_retry_after = 3600.0
    # Price of one image, for the plan, the ledger and max_cost.
    config.teacher.price = 0.0
    # Currency of the price.
    config.teacher.currency = "USD"
    # Most that the run may spend, evaluation and lost requests included; 0 for no limit.
    config.teacher.max_cost = 0.0
    # Most images that may be sent in vain: lost on the way, or answered with nothing usable, and
    # perhaps billed. The run stops before it. 0 for a fifth of the budget, and at least 20 and
    # twice what may be in flight; no limit for the kinds flax, labels and onnx, and for a python
    # function without a price.
    config.teacher.max_lost = 0
    # After this many batches, and at the end of every round, one image is asked about again, and
    # its answer compared with the stored one; 0 for never. Another answer stops the run: replies
    # may have been swapped on the way. These queries come on top of the budget, and count in
    # max_cost.
    config.teacher.sentinel = 0
    # --mode=probe: images that it asks about, before the real spending.
    config.teacher.probe_images = 20

    # What the teacher answers.
    config.teacher.answers = ConfigDict()
    # What the teacher answers: probabilities, logits, top_k (probabilities of some classes), scores
    # (each class on its own: several may be likely, and they are divided by their sum), percentages
    # (rounded), or label (one class). A richer answer is cut down to this form.
    config.teacher.answers.form = "probabilities"
    # logits: divided by this before the softmax.
    config.teacher.answers.temperature = 1.0
    # top_k: scores that count, 0 for all. The rest of the probability, 1 minus their sum, is spread
    # evenly over the other classes.
    config.teacher.answers.top_k = 5

    # What the teacher's model expects of its input.
    config.teacher.pixels = ConfigDict()
    # onnx, oip, tfserving: order of the axes of the model's input: nhwc, nchw, or auto (from its
    # metadata). For an input of flattened images, the order of their values.
    config.teacher.pixels.layout = "auto"
    # Type of the model's input: uint8 (passes the bytes on as they are), float16, float32, float64,
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
    # oip, tfserving: the server, https://host:port. json: the whole address of the endpoint. Kept
    # on disk without user, query and fragment.
    config.teacher.http.url = ""
    # Seconds to wait for a connection.
    config.teacher.http.connect_timeout = 10.0
    # Seconds to wait for a reply.
    config.teacher.http.read_timeout = 60.0
    # Header that carries the secret.
    config.teacher.http.auth_header = "Authorization"
    # The word before the secret: Bearer, Basic (the secret is user:password), or empty.
    config.teacher.http.auth_scheme = "Bearer"
    # Environment variable that holds the secret. Empty for none. Never write the secret in a
    # configuration.
    config.teacher.http.auth_env = ""
    # File that holds the secret. Empty for none.
    config.teacher.http.auth_file = ""
    # File of further certificate authorities. Empty for the system's. TLS is always verified.
    config.teacher.http.ca_file = ""
    # Header with a request's key, the same on every attempt and after a restart: a service that
    # honours it bills a lost reply once. Empty for none.
    config.teacher.http.idempotency_header = "Idempotency-Key"
    # Use a connection for one request only: slower, but no reply can reach the next request.
    config.teacher.http.fresh_connections = False
    # Most MiB of a reply, packed or unpacked. 0 for a limit from what was asked: 4 MiB, and for
    # each image 64 KiB and 1 KiB for each class.
    config.teacher.http.max_reply_mib = 0.0
    # Further headers of every request, as a JSON object: {"X-Version": "2"}. Never a secret:
    # configurations are kept on disk.
    config.teacher.http.headers = ""
    # Words, with commas between them: a reply of status 4xx whose body has one of them says that
    # the service is busy, and the request is tried again. Empty for none.
    config.teacher.http.busy = ""
    # Sign every request by AWS Signature 4 for this service, such as rekognition, with the
    # credentials that botocore finds (extra aws). Empty for no signature.
    config.teacher.http.aws_service = ""
    # The region of aws_service, such as eu-west-1. It stands where http.url has "$region".
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

    # json: the request, and where the reply holds what. Paths are JMESPath.
    config.teacher.json = ConfigDict()
    # The request as JSON, with "$image" where a picture goes in base64 and "$id" where its number
    # goes. A list whose only element holds "$image" gets that element once per picture of a batch.
    # "$model" is json.model, "$mime" the type of the picture's file; "$classes" alone is the list
    # of the names of the classes, and inside of a text their names in quotes.
    config.teacher.json.request = '{"image": "$image"}'
    # What the request's body is: json (json.request), form (the fields of json.request as
    # multipart/form-data, with the picture as a file where "$image" stands), file (the picture's
    # file alone), or base64 (the file in base64 alone).
    config.teacher.json.body = "json"
    # Name of the model: it stands where json.request and http.url have "$model".
    config.teacher.json.model = ""
    # How pictures are encoded: png or jpeg.
    config.teacher.json.encoding = "png"
    # jpeg: quality, 1 to 100.
    config.teacher.json.quality = 95
    # Path to the reply's list with one entry per picture. Empty if the reply is about one picture.
    config.teacher.json.entries = ""
    # Path inside an entry to a list of scores, or to an object of scores by label. Empty if the
    # service answers a label only.
    config.teacher.json.scores = "scores"
    # Path inside an entry to the labels that belong to the scores, or to the one label. Empty if
    # there are none.
    config.teacher.json.labels = ""
    # Path inside an entry to the "$id" that it answers. Empty if entries come in the order of the
    # pictures.
    config.teacher.json.id = ""
    # Path inside an entry to a text that holds JSON, as the answer of a chat: scores and labels are
    # looked for in there. Empty if the entry itself holds them.
    config.teacher.json.text = ""
    # Path inside an entry to what the service says of a picture that it could not work on. Empty if
    # it says nothing.
    config.teacher.json.error = ""
    # Labels that are neither classes nor in teacher.labels: refuse (the run stops), or ignore (for
    # a service that knows thousands of words; a picture for which it names no class gets equal
    # scores).
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

    # flax: the teacher's recipe, on true labels.
    config.teacher.train = recipe()

    # How the images of a round are chosen.
    config.search = ConfigDict()
    # How C2 is minimised over lambda: grid (the paper's), refined (the true minimum: a curve
    # through the logits says where to look), or screened (refined, but only for pairs that may be
    # among the k lowest; a random sample measures what that missed).
    config.search.minimiser = "grid"
    # Lowest lambda, above 0. Range and grid are the released code's.
    config.search.lam_low = 0.3
    # Highest lambda, below 1.
    config.search.lam_high = 0.7
    # grid: number of values, evenly spaced.
    config.search.lam_count = 11
    # refined, screened: evaluations of the student for a pair.
    config.search.evaluations = 5
    # active_mixup: type in which all pairs are scored first. float32 is exact. tensorfloat32 and
    # bfloat16 are many times faster on accelerators: then only a shortlist is scored in float32,
    # and a random sample measures what that missed (search.recall). Scores that are reported are
    # always in float32.
    config.search.forecast = "float32"
    # screened, or a forecast that is not in float32: share of the k lowest that must have been
    # found, with 95% certainty; otherwise more pairs are refined.
    config.search.recall = 0.95
    # Lambda of random pairs (random_mixup, pooled_mixup, random_share): half (0.5), or grid (each
    # at random from the grid).
    config.search.random_lam = "half"
    # How active_mixup chooses among the candidates of lowest C2, pooled_mixup, random_crops, pastes
    # and flips among those drawn, and active_labelling among all images. lowest (the paper's: the
    # first of them), capped (no real image in more than search.max_per_image of a round's mixes),
    # balanced (equally many of each class that the student names), k_center (far from each other,
    # and from all that was asked about, in the student's features), margin, entropy, ensemble, bald
    # (for students with dropout), badge, learning_loss, distillation_gap, transductive_variance,
    # epig, excess_doubt, uncertainty_herding, random; for lanes also acd. One of your own is
    # module:NAME, as in amkd/acquisitions/base.py.
    config.search.acquisition = "lowest"
    # Number of candidates, as a multiple of the mixes, crops, pastes or mirrored images that are
    # wanted.
    config.search.candidates = 1.0
    # active_labelling, random_crops, pastes, flips: images that the student scores in a round,
    # drawn again in each round from those left, at least as many as it chooses; 0 scores all.
    config.search.scored_images = 0
    # capped, excess_doubt: mixes of a round that an image may be in.
    config.search.max_per_image = 20
    # ensemble, distillation_gap, epig: students that are compared, each trained as the round's own.
    # bald: passes, usually 10.
    config.search.committee = 5
    # distillation_gap: what stands in for the teacher. committee (further students: for a teacher
    # that is paid for), or network (as in its paper, for labels: teacher.model, trained by
    # teacher.train on the labelled images, and a student that learns its soft answers).
    config.search.gap_teacher = "committee"
    # active_mixup: share of each round's mixes that are random pairs, drawn as random_mixup draws
    # them.
    config.search.random_share = 0.0
    # Variants of every real image that are mixed like real images, and never queried by themselves.
    # None in the paper.
    config.search.variants = 0
    # Variants are shifted by up to this many pixels at random.
    config.search.variant_crop = 2
    # Mirror every second variant. Wrong for digits.
    config.search.variant_flip = False
    # Variants are turned by up to this many degrees either way.
    config.search.variant_rotate = 0.0
    # Scale each side of a variant by a random factor from 1 / (1 + this) to 1 + this.
    config.search.variant_zoom = 0.0
    # random_crops: lowest and highest share of an image's area that a crop has.
    config.search.crop_area = (0.3, 1.0)
    # random_crops: largest factor by which a crop is wider, or less wide, than the image's
    # proportions, which it is resized to.
    config.search.crop_stretch = 1.33
    # random_crops: mirror every second crop at random. Wrong for digits.
    config.search.crop_flip = False
    # pastes: lowest and highest share of an image's area that is another image's.
    config.search.paste_area = (0.1, 0.9)
    # pastes: both parameters of the beta distribution of that share; 1 is uniform.
    config.search.paste_beta = 1.0
    # Ablation: make the same bytes as the released code, which truncates mixes and turns white into
    # black.
    config.search.as_released = False
    # Size of the pool: a uniform sample of this many pairs, drawn once; 0 takes all N(N-1)/2.
    config.search.max_pairs = 0
    # Images selected per round: equal, doubling (the total selected doubles), or '100,200,500'.
    config.search.schedule = "equal"
    # Pairs per dispatch. It changes progress and memory, never the result. 0 is 4096 on a CPU; on
    # an accelerator as many as take half a second, by the time that earlier ones took.
    config.search.chunk = 0
    # Pairs in one compiled tile; 0 chooses by backend, network and the accelerator's memory. May
    # move scores in the last bit.
    config.search.tile = 0
    # Mix activations after the first affine layer while their table has at most this many bytes;
    # beyond that, mix images: same scores up to rounding, more work.
    config.search.table_bytes = 4294967296

    # The student's recipe, the same in every round.
    config.train = recipe()

    # A network that answers further images for the student, at no query.
    config.assistant = ConfigDict()
    # The assistant's network; the same names as student. Empty for no assistant: the student learns
    # from the teacher's answers alone.
    config.assistant.model = ""
    # Where the assistant's first values come from, as in student_weights. Empty for random values.
    config.assistant.weights = ""
    # Height in pixels at which the assistant sees the images, 0 for their own size; the width keeps
    # the proportions.
    config.assistant.size = 0
    # In which rounds it helps: last (the students of earlier rounds only choose images), or all. A
    # new one is trained in each of these rounds, on all answers so far.
    config.assistant.rounds = "last"
    # Fresh mixes that it answers in such a round: of two images that the teacher answered as they
    # are, at a random lambda from search.lam_low to search.lam_high.
    config.assistant.mixes = 10000
    # Share of these mixes that are of pairs which the teacher answered at another lambda. The
    # others are of pairs that it was never asked about.
    config.assistant.near = 0.0
    # active_labelling: real pictures that it answers in such a round, drawn from those that the
    # teacher was not asked about.
    config.assistant.pictures = 0
    # Share of each of the student's batches that the assistant's images fill. An epoch goes once
    # over the teacher's answers, so at 0.5 it has twice as many steps.
    config.assistant.share = 0.5
    # Its answer to an image is the mean over this many views: the image itself, and others that are
    # moved as assistant.train says (crop, flip, rotate, zoom).
    config.assistant.views = 1

    # The assistant's recipe, on the teacher's answers.
    config.assistant.train = recipe()

    # zskd: how images are made from noise.
    config.zskd = ConfigDict()
    # Steps of gradient descent that make an image from noise.
    config.zskd.steps = 1500
    # Images made at a time; they share their scale of grey.
    config.zskd.batch = 100
    # Learning rate of Adam, on pixels in [0, 1].
    config.zskd.learning_rate = 0.001
    # Temperature of the teacher's answers while images are made; the student's is
    # train.temperature.
    config.zskd.temperature = 20.0
    # Scales of the Dirichlet concentrations, which take turns.
    config.zskd.betas = (1.0, 0.1)
    # Views of each image that are queried too: budget / (1 + copies) images are made.
    config.zskd.copies = 3
    # As the released code: all scales are 1.
    config.zskd.as_released = False

    # fskd: how images are made from real ones.
    config.fskd = ConfigDict()
    # How often the pseudo-examples grow. Each growth doubles them, up to the budget; before each, a
    # target network like the student is trained on all there are. 0: only the first ones, each of
    # which lies between two real images.
    config.fskd.doublings = 3
    # Passes of the target network's training before a growth. All else is as in the train recipe,
    # except its loss and min_steps.
    config.fskd.epochs = 25
    # How an image ascends on the divergence of target from teacher: adam (every pixel by about as
    # much), or gradient (in proportion to its gradient; steps below half a grey level are lost).
    config.fskd.ascent = "adam"
    # Learning rate of that ascent, on pixels in [0, 1].
    config.fskd.rate = 0.02
    # Steps of that ascent in a growth.
    config.fskd.steps = 1
    # Target's training: weight of the real images' mean loss; that of the pseudo-examples has
    # weight 1.
    config.fskd.real_weight = 1.0
    # Target's training: weight of a pseudo-example of which the teacher is certain (its fidelity).
    config.fskd.most_weight = 1.0
    # Target's training: weight of a pseudo-example whose answer has the mean entropy. If it equals
    # most_weight, all weigh the same.
    config.fskd.mean_weight = 0.5

    # The answers paid for.
    config.ledger = ConfigDict()
    # File of paid answers, which several runs may share. Empty for WORKDIR/ledger.sqlite.
    config.ledger.path = ""

    # How often a run is saved.
    config.checkpoint = ConfigDict()
    # Save at the end of an epoch when this many seconds have passed since the last save.
    config.checkpoint.seconds = 60.0

    # What a run shows.
    config.report = ConfigDict()
    # Progress bars.
    config.report.progress = True
    # TensorBoard event files.
    config.report.tensorboard = True
    # The curves and contact sheets of report.html as SVG files, in plots/.
    config.report.plots = True
    # report.html: the whole run on one page that needs no network.
    config.report.html = True
    # Agreement with the teacher that student and teacher together must reach, such as 0.95: the
    # report tells the confidence from which the student answers by itself (serve.threshold). Needs
    # the teacher's answers on the images that judge (teacher.evaluate). 0 looks for none.
    config.report.cascade_agreement = 0.0
    # Seconds between two signs of life in WORKDIR/progress.json, which tells where the run stands
    # (amkd status WORKDIR). 0 writes none.
    config.report.beat_seconds = 10.0
    # Port at which Prometheus reads where the run stands, from this machine only:
    # http://127.0.0.1:PORT/metrics. 0 for none.
    config.report.prometheus_port = 0
    # Weights & Biases: the project that gets the curves of the run. Empty for none. Server, key and
    # mode are the variables of wandb, such as WANDB_API_KEY and WANDB_MODE=offline.
    config.report.wandb = ""
    # MLflow: the experiment that gets the curves of the run. Empty for none. The server is
    # MLFLOW_TRACKING_URI.
    config.report.mlflow = ""
    # All files are for your user alone (0600, folders 0700). False: as the umask says.
    config.report.private = True

    # The student as files for other programs.
    config.export = ConfigDict()
    # What --mode=export writes: one or more of stablehlo, onnx, onnx_int8, with commas. onnx_int8
    # computes in 8 bits, calibrated on the run's real images.
    config.export.formats = "stablehlo,onnx"
    # onnx_int8: points of agreement with the student in full precision that may be lost on images
    # that judge; more is a warning in the model card.
    config.export.int8_loss = 2.0
    # predict: write names into the CSV file as they are. Otherwise a name that a spreadsheet would
    # run, such as =1+2, gets an apostrophe in front, and control characters are escaped.
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
    # Most images in one request.
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
    # At least this many steps, however small the training set: more passes in the first rounds.
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
    # Course of the learning rate: steps (times drop_factor at each of drops), cosine (to 0),
    # constant.
    config.schedule = "cosine"
    # steps: where the learning rate drops, as ascending fractions of the training (the released
    # code's 80+60+40+20 epochs).
    config.drops = (0.4, 0.7, 0.9)
    # steps: the learning rate is multiplied by this at each drop.
    config.drop_factor = 0.1
    # Share of the steps in which the learning rate grows from 0.
    config.warmup = 0.0
    # soft: cross-entropy against the answers (the paper's), at a temperature. standardised: each
    # side's logits divided by their deviation over the classes (MIX-KD), without a temperature.
    # pad_kl: the divergence of soft over a variance that the student's features predict for each
    # image, so that easy images weigh more (PAD, adapted to black boxes). pad_l2 (teacher.kind=flax
    # alone): soft, and beside it the squared distances of the student's last features from the
    # teacher's, each over a variance of its dimension (PAD itself). A record's features are those
    # of the image that was asked about, however train.crop and others move it, as its answer is; a
    # mix of records has the mix of their features. It takes more steps than soft: features outweigh
    # the answers until they are met. sskd (teacher.kind=flax and method=sskd alone): soft, and
    # beside it how similar each turned image is to every upright one of the batch, by heads on the
    # last features of teacher and student (SSKD).
    config.loss = "soft"
    # Distillation temperature tau: answers are re-tempered as p**(1/tau). 1 is the paper's.
    config.temperature = 1.0
    # pad_kl, pad_l2: share of the steps at first in which all images, or dimensions, weigh the
    # same.
    config.pad_warmup = 0.5
    # How the records of a batch weigh against each other, by how far the student is from the
    # teacher on each: even; discard_hard (the hardest are left out); softmax, polynomial (easier
    # records weigh more: rivals in the paper of PAD); fidelity (FSKD's: records weigh more where
    # the teacher is surer).
    config.weighting = "even"
    # discard_hard: share of each batch that is left out.
    config.weighting_share = 0.25
    # polynomial: the weight is (1 - distance / largest distance of the batch), raised to this
    # power.
    config.weighting_power = 1.0
    # fidelity: weight where the teacher is as unsure as in the batch's mean. Where it is sure, the
    # weight is 1.
    config.weighting_fidelity = 0.5
    # Weight in the loss of images whose class a person has corrected (amkd review WORKDIR
    # --read=FILE.csv): the corrected class takes the place of the teacher's answer. Other images
    # have weight 1; mixes are not corrected. 0 uses no corrections. A run keeps those that its
    # ledger had when it began.
    config.corrections = 0.0
    # Augmentation on the device, with the same answer and no query: shift by up to this many
    # pixels.
    config.crop = 0
    # Augmentation: mirror every second image. Wrong for digits.
    config.flip = False
    # Augmentation: turn by up to this many degrees either way.
    config.rotate = 0.0
    # Augmentation: scale each side by a random factor from 1 / (1 + zoom) to 1 + zoom; 0.25 is from
    # 0.8 to 1.25.
    config.zoom = 0.0
    # Share of each batch whose images and answers are mixed with others of the batch. It takes no
    # query.
    config.mix_share = 0.0
    # Both parameters of the beta distribution of lambda in these mixes; 1 is uniform.
    config.mix_beta = 1.0
    # As MIX-KD's released code: the places that are not mixed are drawn with replacement, so that
    # more are mixed than mix_share says: with a batch of 64 and a share of .1, .41 are.
    config.mix_as_released = False
    # Decay of a running average of the network, which is then the result; 0 for none.
    config.average = 0.0
    # What keeps its first values: backbone (all but the last layer), or names of layers and blocks
    # with commas, such as conv_stem,bn1,blocks.0. BatchNorm there keeps its statistics and uses
    # them. Empty for nothing.
    config.freeze = ""
    # The learning rate of all but the last layer, as a multiple of learning_rate.
    config.backbone_rate = 1.0
    # For pretrained networks, ViT above all: from each block to the block in front of it, the
    # learning rate is multiplied by this; 0.75 is usual. 1 for equal rates.
    config.layer_decay = 1.0
    # freeze=backbone: features of this many views of each image are computed once and kept, and
    # only the last layer is trained, on them. The first view is the image itself, the others are
    # augmented (crop, flip, rotate, zoom). 0 runs the whole network in every step.
    config.views = 0
    # Type of the computation in training: float32 or bfloat16. Scoring is always float32.
    config.dtype = "float32"
    # How products of float32 numbers are computed in training: float32 (in full everywhere),
    # tensorfloat32 (NVIDIA GPUs since Ampere in TF32, TPUs in three passes of bfloat16), or default
    # (the same GPUs in TF32, TPUs in one pass of bfloat16). A CPU, or an older GPU, computes all of
    # them in full. Scoring is always in full.
    config.precision = "default"
    # Training steps in one compiled program, at most; 0 chooses by backend: 1 on a CPU, 64 on an
    # accelerator. Not part of the result's meaning.
    config.steps_per_dispatch = 0
    return config
