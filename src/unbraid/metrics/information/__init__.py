"""Mutual information between each latent and each factor, in nats: estimators by name.

Start at `definitions`: `information(samples, definition)` maps a name to an estimator, and every estimator returns an
`Information` (`types`). The estimators:

* "adjusted", `adaptive_bins`: bins as full as the values of the factor; bias and the level of chance are taken off.
* "posterior" and "chen2018", `posterior_information`: mixtures of all posteriors, by quadrature (`mixture_entropy`, on the
  grids of `mixture_grid`), with and without the level of chance taken off.
* "stratified" and "dubois2019", `stratified`: the same mixtures at draws; without and with the faults of published code.
* "do2020", `binned_posteriors`: the mass of the posteriors in fixed bins.
* "neighbors", `nearest_neighbors`: of quantities that are not classes, such as continuous factors and angles.
* "locatello2019", `histogram`: bins of equal width, as they come. Tables of counts and their entropies are here as well.
"""
