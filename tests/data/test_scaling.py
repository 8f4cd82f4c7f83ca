import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.preprocessing import MinMaxScaler

from gzslbench.data.scaling import MinMax

FINITE = st.floats(-100, 100, width=32)


@given(arrays(np.float32, (5, 3), elements=FINITE), arrays(np.float32, (4, 3), elements=FINITE))
def test_agrees_with_scikit_learn_on_training_and_test_features(train, test):
    spans = train.max(axis=0) - train.min(axis=0)
    train[:, (spans > 0) & (spans < 1e-2)] = 0  # where float32 and float64 part ways
    scale, reference = MinMax.fit(torch.from_numpy(train)), MinMaxScaler().fit(train.astype(np.float64))
    for features in (train, test):
        np.testing.assert_allclose(
            scale(torch.from_numpy(features)).numpy(), reference.transform(features), rtol=1e-3, atol=1e-3
        )


def test_constant_dimensions_become_zero_and_test_features_are_not_clipped():
    scale = MinMax.fit(torch.tensor([[5.0, 0.0], [5.0, 2.0]]))
    assert scale(torch.tensor([[5.0, 4.0], [6.0, -2.0]])).tolist() == [[0.0, 2.0], [1.0, -1.0]]
