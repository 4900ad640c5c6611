"""What is said of each method that a plan can name, with its citation; names in braces are read from the run (`told.py`)."""

NORMALIZED = {
    "ct": "Grey values {which}were clipped to {{{at}.low}} to {{{at}.high}}, less {{{at}.mean|.4g}}, over {{{at}.std|.4g}} "
    "[@isensee2021].",
    "zscore": "Grey values {which}were brought to mean zero and unit spread in each image "
    "(scheme {{{at}.scheme}}) [@isensee2021].",
    "zscore_nonzero": "Grey values {which}that are not zero were brought to mean zero and unit spread in each image (scheme "
    "{{{at}.scheme}}).",
    "percentile": "Grey values {which}were clipped to extreme percentiles of each image, and "
    "brought to mean zero and unit spread "
    "(scheme {{{at}.scheme}}).",
    "range": "Grey values {which}were scaled from the range {{{at}.low}} to {{{at}.high}}.",
    "none": "Grey values {which}were left as they are (scheme {{{at}.scheme}}).",
}
FAMILIES = {
    "resnet": "A residual network [@he2016] was trained.",
    "densenet": "A densely connected network [@huang2017] was trained.",
    "convnext": "A ConvNeXt [@liu2022] was trained.",
    "efficientnet": "An EfficientNet [@tan2019] was trained.",
    "vit": "A vision transformer [@dosovitskiy2021] was trained.",
    "svm": "Support vector machines [@cortes1995], linear and with a radial kernel, were "
    "fitted to them, and the better one was "
    "taken; Platt’s sigmoid made probabilities of their decisions [@platt1999].",
    "svm-linear": "A linear support vector machine [@cortes1995] was fitted to them.",
    "svm-rbf": "A support vector machine with a radial kernel [@cortes1995] was fitted to them.",
    "linear": "A regularised linear model was fitted to them.",
    "forest": "A random forest [@breiman2001] was fitted to them.",
    "boosting": "Gradient-boosted trees [@friedman2001] were fitted to them.",
}
CLASSICAL = {
    "fixed": "Untrained features were taken of each whole image: histograms of oriented "
    "gradients [@dalal2005], grey values and "
    "textures at several scales.",
    "deep": "Features of each image were made by an encoder whose weights were learned elsewhere.",
    "radiomic": "Radiomic features of what was outlined were computed with "
    "{plan:network.radiomic.library} [@vangriethuysen2017; "
    "@zwanenburg2020].",
}
JOINED = {
    "mean": "",
    "attention": "Slices were joined by gated attention [@ilse2018].",
    "gru": "Slices were joined by a gated recurrent unit [@cho2014] with a state of {plan:network.hidden}.",
    "lstm": "Slices were joined by long short-term memory [@hochreiter1997] with a state of {plan:network.hidden}.",
}
DICE, TOP_K = "soft Dice [@milletari2016]", "cross-entropy of the worst voxels [@wu2016]"
LOSSES = {
    "dice_ce": f"The loss was the sum of {DICE} and cross-entropy [@isensee2021].",
    "dice_bce": f"The loss was the sum of {DICE} and binary cross-entropy [@isensee2021].",
    "top_k": f"The loss was {TOP_K}.",
    "dice_top_k": f"The loss was the sum of {DICE} and {TOP_K}.",
    "tversky": "The loss was the Tversky loss [@salehi2017].",
    "focal_tversky": "The loss was the focal Tversky loss [@abraham2019].",
    "generalised_dice": "The loss was generalised Dice [@sudre2017].",
    "dice_ce_boundary": f"The loss was the sum of {DICE}, cross-entropy and a boundary loss [@kervadec2019].",
    "dice_bce_boundary": f"The loss was the sum of {DICE}, binary cross-entropy and a boundary loss [@kervadec2019].",
    "ce": "The loss was cross-entropy.",
    "bce": "The loss was binary cross-entropy.",
    "focal": "The loss was the focal loss [@lin2017focal].",
    "asymmetric": "The loss was the asymmetric loss [@ridnik2021].",
    "corn": "The loss was that of conditional ordinal regression (CORN) [@shi2023].",
    "cumulative_link": "The loss was the likelihood of a cumulative link model [@mccullagh1980].",
    "mse": "The loss was the mean squared error of standardised quantities.",
    "l1": "The loss was the mean absolute error of standardised quantities.",
    "huber": "The loss was Huber’s [@huber1964] of standardised quantities.",
    "varifocal": "The loss was the varifocal loss [@zhang2021] of classes and generalised IoU [@rezatofighi2019] of boxes.",
    "quality_focal": "The loss was the quality focal loss [@li2020] of classes and generalised "
    "IoU [@rezatofighi2019] of boxes.",
}
OPTIMIZED = {
    "adamw": "The optimiser was AdamW [@loshchilov2019].",
    "muon": "The optimiser was Muon [@jordan2024], scaled to the size of AdamW’s updates [@liu2025].",
    "sgd": "The optimiser was stochastic gradient descent with Nesterov’s momentum [@nesterov1983].",
}
AUGMENTED = {
    "rotate_deg": "rotations of up to {plan:augment.rotate_deg|by} degrees about the axes",
    "scale": "changes of size by up to {plan:augment.scale}",
    "elastic_voxels": "smooth displacements with a deviation of {plan:augment.elastic_voxels} voxels",
    "mirror": "mirror images along {plan:augment.mirror|axes}",
    "gamma": "gamma (logarithm up to {plan:augment.gamma})",
    "contrast": "contrast (logarithm up to {plan:augment.contrast})",
    "brightness": "brightness (up to {plan:augment.brightness})",
    "noise": "noise (deviation up to {plan:augment.noise})",
    "blur_voxels": "blur (deviation up to {plan:augment.blur_voxels} voxels)",
    "low_resolution": "low resolution (factor up to {plan:augment.low_resolution})",
    "shift": "moves of up to {plan:augment.shift} of the image",
}
CALIBRATED = {
    "temperature": "Probabilities were calibrated by temperature [@guo2017], fitted on the other folds.",
    "none": "",
    "isotonic": "Probabilities were calibrated by isotonic regression [@zadrozny2002], fitted on the other folds.",
    "vector": "Probabilities were calibrated by vector scaling [@guo2017], fitted on the other folds.",
    "platt": "Probabilities were calibrated by Platt’s method [@platt1999], fitted on the other folds.",
}
SETS = {
    kind: "Sets of classes that are to hold the truth in {metrics:certainty.sets.stated} of cases were made by conformal "
    f"prediction [@vovk2005], {how}."
    for kind, how in {
        "lac": "the smallest sets at their level [@sadinle2019]",
        "aps": "by adaptive scores [@romano2020]",
        "raps": "by regularised adaptive scores [@angelopoulos2021]",
    }.items()
}
MEASURED = {
    "dice": "Overlap was measured by the Dice coefficient [@dice1945], as a mean over cases; its interval is a bootstrap over "
    "patients ({run:constants.bootstrap_draws} draws, bias-corrected and accelerated [@efron1987], widened for few patients "
    "[@hesterberg2015]).",
    "nsd": "Surfaces were compared by the normalised surface Dice [@nikolov2021] at a tolerance of {metrics:nsd_tolerance}.",
    "auroc": "Discrimination was measured by the area under the ROC curve; its variance is "
    "that of DeLong et al. [@delong1988] by "
    "patient [@obuchowski1997].",
    "accuracy": "Intervals of shares are Wilson’s [@wilson1927].",
    "brier": "Calibration was measured by the Brier score [@brier1950].",
    "r2": "Agreement was measured by the coefficient of determination and by limits of agreement [@bland1986]; intervals are "
    "bootstraps over patients ({run:constants.bootstrap_draws} draws, bias-corrected and accelerated [@efron1987]).",
    "map50": "Detection was measured by average precision as COCO defines it [@lin2014] at an "
    "IoU of one half, in the mean over "
    "classes; its interval is a bootstrap over patients ({run:constants.bootstrap_draws} draws).",
    "froc": "Sensitivity was read at given numbers of false positives an image (FROC) [@setio2017].",
}
