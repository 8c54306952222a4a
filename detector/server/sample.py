"""Short texts written for this project: they warm up a new model, and serve as an example."""

SAMPLE = (
    "The rope is strong sufficient to hold a boat, and the mind stem of the skipper catches wind of the "
    "storm that is en route. On the off chance that you are worn out, a considerable measure of rest can "
    "offer assist for the muscular tissues, and physical treatment gives short-term alleviation from back agony "
    "that family specialists catch wind of each day."
)
REPEATED = (
    "Cheap garden sheds Dover are what we sell. For cheap garden sheds Dover call us, because our cheap garden "
    "sheds Dover team knows cheap garden sheds Dover best. "
) * 4
WARM_UP = (SAMPLE, REPEATED)
"""Together they take every path of the scorer and of the evidence."""
