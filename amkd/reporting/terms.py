"""What the words of the reports mean, for a reader who has not read the paper."""

TERMS = {
    "query": "One image that the teacher was asked about. The real images of round 0 count, too.",
    "judging images": "Images that only judge the student: it is never trained on them.",
    "agreement": "The share of the judging images on which student and teacher pick the same"
    " class. It needs no labels.",
    "student accuracy": "The share of the labeled test images on which the student picks the true"
    " class.",
    "teacher accuracy": "The share of the labeled test images on which the teacher picks the true"
    " class.",
    "F1": "Of lanes: the harmonic mean of precision and recall. Two lanes are the same where their"
    " drawn bands overlap by more than half of their union (CULane). The accuracy of lanes is"
    " TuSimple's: the mean share of a lane's rows that are right.",
    "precision": "The share of the student's lanes that are lanes.",
    "recall": "The share of the lanes that the student finds.",
    "false lanes": "The mean share of the student's lanes that match no lane in 85% of its rows"
    " (TuSimple).",
    "missed lanes": "The mean share of the lanes that no lane of the student matches in 85% of the"
    " rows (TuSimple).",
    "success rate": "Student accuracy divided by teacher accuracy. At 100% the student is as often"
    " right as its teacher. The interval is that of the student, with the teacher's figure taken"
    " as exact.",
    "divergence": "The mean Kullback-Leibler divergence of the student's probabilities from the"
    " teacher's, in nats: 0 where all probabilities are the same. Unlike the agreement, it sees"
    " how sure both are.",
    "95% interval": "Wilson's interval: how far a share may be off because it was counted on few"
    " images. It says nothing about other seeds. Where two intervals overlap widely, the images are"
    " too few to tell the two figures apart.",
    "round": "One turn of the method: it chooses images, asks the teacher about them, and trains a"
    " new student on all answers so far. Round 0 asks about the first images.",
    "C1": "The student's highest class probability for an image: how sure it is of its best class."
    " The images with the lowest C1 are asked about, because the student knows them least.",
    "C2": "The score of a pair of real images: the lowest C1 of all their mixes, where C1 is the"
    " student's highest class probability for an image. The pairs with the lowest C2 are asked"
    " about, each at the mix with that C1, because the student knows them least.",
    "λ": "The weight of the first image in a mix: λ times image i plus 1 - λ times image j.",
    "share of the k lowest found": "A search that is not exhaustive may miss some of the k pairs"
    " with the lowest score. A random sample measures how many it found.",
    "evaluations": "How many times the student was computed on an image in order to choose.",
    "loss": "What the training makes small: the distance between the student's answers and the"
    " teacher's, after each pass over all answers.",
    "confusion": "How often the student says each class, for each class that the teacher says."
    " Off the diagonal, the two disagree.",
    "confidence": "The highest class probability of an answer.",
    "ECE": "Expected calibration error: the mean distance of confidence and share of right"
    " answers, over 15 bins of confidence (Guo et al., 2017). 0 is best.",
    "Brier score": "The mean squared distance of the probabilities from 1 for the right class and"
    " 0 for all others (Brier, 1950). 0 is best, and 2 is worst.",
    "evaluation queries": "Judging images that the teacher was asked about. They are not in the"
    " budget, but they are paid for.",
    "sentinel queries": "Known images that were asked about again, to find replies that were"
    " swapped on the way.",
    "assistant": "A network that learned from all answers of the teacher, and then answered further"
    " images for the student. They cost nothing, and are not the teacher's own answers.",
    "sent by this run": "Queries whose answers were not in the ledger, so they were paid for.",
    "lost on the way": "Images that may have been billed although no answer came.",
    "cost": "What the service may have billed: images sent times the price of one.",
    "way": "A way to spend the queries: a method with its settings.",
    "difference": "This way less the other, in percentage points, as the mean over the seeds that"
    " both have.",
    "p": "The p-value of Student's t-test for pairs: the chance of so large a mean difference if"
    " there were none.",
    "Holm's p": "The p-value, adjusted for the number of comparisons (Holm, 1979).",
    "interval of a difference": "The 95% interval of Student's t-test for pairs. Where it holds 0,"
    " the two ways are not told apart by these seeds.",
}
