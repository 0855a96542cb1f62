"""byzfl's rules on the same vectors; prints how far its result lies from ours, in lengths of ours."""

import json
import sys

import numpy as np


def main(path: str) -> None:
    import byzfl

    given = np.load(path)
    models, attackers = given["models"], int(given["attackers"])
    mixed = byzfl.NNM(attackers)(models)
    median = byzfl.GeometricMedian(nu=1e-6, T=1000)
    theirs = {
        "mean": byzfl.Average()(models),
        "median": byzfl.Median()(models),
        "trimmed_mean": byzfl.TrMean(attackers)(models),
        "geometric_median": median(models),
        "krum": byzfl.Krum(attackers)(models),
        "multi_krum": byzfl.MultiKrum(attackers)(models),
        "mixing_geometric_median": median(mixed),
        "mixing_trimmed_mean": byzfl.TrMean(attackers)(mixed),
    }
    answer: dict[str, str | float] = {"what": "byzfl"}
    for name, model in theirs.items():
        ours = given[name].astype(np.float64)
        answer[name] = float(np.linalg.norm(model - ours) / np.linalg.norm(ours))
    print(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1])
