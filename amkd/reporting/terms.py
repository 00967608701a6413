"""Definitions of the terms in the reports, for a reader who has not read the paper."""

MONEY = (
    "The money is the number of queries times the price of one (teacher.price): the cost if every"
    " answer is bought. Answers from the ledger cost nothing, but they are included here."
    " Evaluation queries and lost requests are not included."
)
TERMS = {
    "query": "One image whose answer from the teacher is used for training. The real images of"
    " round 0, and images whose answers are already in the ledger, count, too.",
    "evaluation images": "Images that are used only to evaluate the student: it is never trained on"
    " them.",
    "agreement": "The share of the evaluation images on which student and teacher predict the same"
    " class. It needs no ground-truth labels.",
    "student accuracy": "The share of the test images with ground-truth labels on which the student"
    " predicts the true class.",
    "teacher accuracy": "The share of the test images with ground-truth labels on which the teacher"
    " predicts the true class.",
    "F1": "For lanes: the harmonic mean of precision and recall. Two lanes are the same if their"
    " drawn bands overlap by more than half of their union (CULane). The accuracy of lanes is"
    " TuSimple's: the mean share of a lane's rows that are right.",
    "precision": "The share of the student's lanes that are true lanes.",
    "recall": "The share of the true lanes that the student finds.",
    "false lanes": "The mean share of the student's lanes that match no true lane in 85% of its"
    " rows (TuSimple).",
    "missed lanes": "The mean share of the true lanes that no lane of the student matches in 85% of"
    " the rows (TuSimple).",
    "success rate": "Student accuracy divided by teacher accuracy, both on the images that the"
    " teacher answered. At 100% the student is right as often as its teacher. The interval is that"
    " of the student accuracy; the teacher accuracy is taken as exact.",
    "divergence": "The mean Kullback-Leibler divergence of the student's probabilities from the"
    " teacher's, in nats. It is 0 if all probabilities are the same. Unlike the agreement, it"
    " depends on the confidence of both.",
    "95% interval": "Wilson's interval: it shows how uncertain a share is because the number of"
    " images is limited. It does not include the variation between seeds. If two intervals overlap"
    " widely, the difference between the two figures is inconclusive with this number of images.",
    "round": "One iteration of the method: it chooses images, gets the teacher's answers to them,"
    " and trains a new student on all answers so far. Round 0 queries the first images.",
    "C1": "The student's highest class probability for an image, which is its confidence. The"
    " images with the lowest C1 are queried, because the student knows them least.",
    "C2": "The score of a pair of real images: the lowest C1 of all their mixes, where C1 is the"
    " student's highest class probability for an image. The pairs with the lowest C2 are chosen,"
    " because the student knows them least. The mix with this lowest C1 is queried.",
    "λ": "The weight of the first image in a mix: λ times image i plus (1 - λ) times image j.",
    "share of the k lowest found": "A search that is not exhaustive may miss some of the k pairs"
    " with the lowest score. The share that it found is estimated with a random sample.",
    "evaluations": "Number of the student's forward passes that score pairs, mixes or images. What"
    " an acquisition computes for its candidates is not counted.",
    "loss": "The quantity that training minimises: the distance between the student's answers and"
    " the teacher's, after each pass over all answers.",
    "confusion": "For each class that the teacher predicts: how often the student predicts each"
    " class. Off the diagonal, student and teacher disagree.",
    "confidence": "The highest class probability of an answer.",
    "ECE": "Expected calibration error: the mean distance between the confidence and the share of"
    " right answers, over 15 bins of confidence (Guo et al., 2017). 0 is best.",
    "Brier score": "The mean squared distance of the probabilities from 1 for the right class and"
    " 0 for all others (Brier, 1950). 0 is best, and 2 is worst.",
    "evaluation queries": "Evaluation images for which the teacher is asked for an answer. They are"
    " not in the budget, but they are paid for.",
    "sentinel queries": "Known images that were sent to the teacher again, to find answers that"
    " were swapped in transit.",
    "assistant": "A network that was trained on all answers of the teacher, and then answered"
    " further images for the student. Its answers cost nothing, and are not the teacher's own.",
    "sent by this run": "Queries whose answers were not in the ledger, so they were paid for.",
    "without an answer": "Images that may have been billed although no usable answer arrived.",
    "cost": "The amount that the service may have billed: the number of images sent times the price"
    " of one image.",
    "way": "A method with its settings, which define how the queries are spent.",
    "difference": "This way minus its baseline, in percentage points, as the mean over the seeds"
    " that both have.",
    "p": "The p-value of Student's paired t-test: the probability of a mean difference at least"
    " this large if there were no true difference.",
    "Holm's p": "The p-value, adjusted for the number of comparisons (Holm, 1979).",
    "interval of a difference": "The 95% interval of Student's paired t-test. If it contains 0, the"
    " difference is inconclusive with these seeds.",
}
