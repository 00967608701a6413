"""What losses learn beside the student: first weights; what is made of a batch is in
test_objective.py.
"""

import numpy as np

from amkd.training import auxiliary_heads


def test_an_aligner_only_where_the_widths_differ():
    """Its columns have a length of about 1, and features of the same width stay what they are."""
    narrow, same = (
        auxiliary_heads.PAD_L2.init(d, 30, np.random.default_rng(0)) for d in (1000, 30)
    )
    features = np.random.default_rng(1).normal(size=(4, 1000)).astype(np.float32)
    np.testing.assert_allclose(
        auxiliary_heads.align(narrow, features), features @ narrow["aligner"], atol=1e-5
    )
    assert np.all(np.abs(np.linalg.norm(narrow["aligner"], axis=0) - 1) < 0.15)
    assert auxiliary_heads.align(same, features[:, :30]) is not None and "aligner" not in same
    np.testing.assert_array_equal(auxiliary_heads.align(same, features[:, :30]), features[:, :30])
    for params in (narrow, same):
        shapes = {name: leaf.shape for name, leaf in params["variance"].items()}
        assert shapes == {"kernel": (30, 30), "scale": (30,), "bias": (30,)}
