import pytest
import torch

from encoder_plans import noise
from scanwright.network.join import AttentionJoin, RecurrentJoin, make_join


def test_attention__by_hand() -> None:
    """One feature, one unit: the score of x is tanh(x) * sigmoid(0), and weights are the softmax of the scores."""
    join = AttentionJoin(1, 1)
    with torch.no_grad():
        for parameter in join.parameters():
            parameter.zero_()
        join.content.weight.fill_(1.0)
        join.score.weight.fill_(2.0)
    features = torch.tensor([[[0.0], [1.0]]])
    share = 1 / (1 + torch.tensor(1.0).tanh().neg().exp())
    assert torch.allclose(join.weights(features), torch.stack([1 - share, share])[None])
    assert torch.allclose(join(features), share.reshape(1, 1))


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_recurrent__reads_from_first_to_last_and_in_two_directions_back(kind: str) -> None:
    """What its reader says after the third of three slices, in the other direction after the first, and on average."""
    torch.manual_seed(0)
    features = noise(2, 3, 4)
    departures = features - features.mean(1, keepdim=True)
    departures = departures - departures.mean(2, keepdim=True)
    departures = departures / (departures.square().mean(2, keepdim=True) + 1e-5).sqrt()
    for bidirectional in (False, True):
        join = RecurrentJoin(kind, 4, 5, bidirectional=bidirectional)
        states, _ = join.reader(departures)
        said = torch.cat([states[:, -1, :5], states[:, 0, 5:], states.mean(1)], dim=1)
        assert torch.allclose(join(features), features.mean(1) + join.add(said), atol=1e-6)


def test_recurrent__what_all_slices_share_reaches_the_answer_through_the_mean_only() -> None:
    torch.manual_seed(0)
    join = RecurrentJoin("gru", 4, 5, bidirectional=False)
    features, shared = noise(2, 3, 4), noise(2, 1, 4, seed=1)
    assert torch.allclose(join(features + shared), join(features) + shared[:, 0], atol=1e-5)


def test_recurrent__adds_to_the_mean() -> None:
    join = RecurrentJoin("gru", 4, 3, bidirectional=False)
    torch.nn.init.zeros_(join.add.weight)
    torch.nn.init.zeros_(join.add.bias)
    features = noise(2, 5, 4)
    assert torch.allclose(join(features), features.mean(1))


def test_recurrent__gives_gradients_outside_training_as_in_it() -> None:
    """On CUDA a recurrent network in evaluation mode refuses to; saliency needs them."""
    torch.manual_seed(0)
    join = RecurrentJoin("gru", 4, 3, bidirectional=False)
    features = noise(2, 5, 4).requires_grad_()
    first, second = (
        torch.autograd.grad(join.train(mode)(features).square().sum(), features)[0] for mode in (True, False)
    )
    assert torch.equal(first, second) and not join.training and join.reader.training


@pytest.mark.parametrize("kind", ["mean", "attention", "gru", "lstm"])
def test_make_join__a_long_sequence_stays_finite(kind: str) -> None:
    join = make_join(kind, 4, hidden=None if kind == "mean" else 3, bidirectional=False)
    joined = join(noise(2, 300, 4))
    assert joined.shape == (2, 4) and joined.isfinite().all()
