def test_smoke(rehearsal):
    desk = rehearsal.run("toy-means+none+toy-softmax", "toy-means+toy-distance+toy-softmax")
    assert not desk.failures, desk.failures
    print(desk.metrics[0].h, desk.phases)
    for p in ("paper","validated","strict"):
        desk = rehearsal.run("none+none+toy-bilinear","none+toy-both+toy-both", protocol=p)
        assert not desk.failures, desk.failures
        print(p, desk.metrics[0].h, desk.metrics[1].h, [s.looks for s in desk.scorers])
