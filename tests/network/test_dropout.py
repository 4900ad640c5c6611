import torch

from scanwright.network.dropout import SeededDropout


def test_dropout__a_share_is_zero_and_the_mean_stays() -> None:
    dropped = SeededDropout(0.25, seed=1).train()(torch.ones(200, 200))
    assert abs(float((dropped == 0).float().mean()) - 0.25) < 0.01
    assert set(dropped.unique().tolist()) == {0.0, torch.tensor(1 / 0.75).item()}


def test_dropout__changes_nothing_outside_training_or_with_a_share_of_zero() -> None:
    values = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    assert SeededDropout(0.5, seed=1).eval()(values) is values
    assert SeededDropout(0.0, seed=1).train()(values) is values


def test_dropout__each_call_draws_anew_and_a_resumed_one_goes_on() -> None:
    values = torch.ones(64)
    whole = SeededDropout(0.5, seed=1).train()
    first, second, third = (whole(values) for _ in range(3))
    assert not torch.equal(first, second)
    begun = SeededDropout(0.5, seed=1).train()
    begun(values), begun(values)
    resumed = SeededDropout(0.5, seed=1).train()
    resumed.load_state_dict(begun.state_dict())
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    assert torch.equal(resumed(values), third)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not torch.equal(SeededDropout(0.5, seed=2).train()(values), first)
