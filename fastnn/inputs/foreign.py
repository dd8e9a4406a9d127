"""Names that other libraries have for what fastnn has, too: the answers say ours."""

from __future__ import annotations

_LOSSES = {
    "cross_entropy": (
        "categorical_crossentropy sparse_categorical_crossentropy crossentropy softmax "
        "softmax_cross_entropy nll nll_loss neg_log_likelihood log_loss logloss deviance "
        "multi_logloss ce"
    ),
    "binary_cross_entropy": (
        "binary_crossentropy bce bce_loss bce_with_logits binary_cross_entropy_with_logits "
        "logistic binary_logloss sigmoid_cross_entropy"
    ),
    "mse": "mean_squared_error squared_error mse_loss l2 l2_loss least_squares squared_loss",
    "mae": "mean_absolute_error absolute_error l1 l1_loss absolute_loss",
    "huber": "huber_loss smooth_l1 smooth_l1_loss",
    "poisson": "poisson_deviance",
    "log_poisson": "poisson_nll poisson_nll_loss",
    "pinball": "quantile quantile_loss pinball_loss",
}
_METRICS = {
    "accuracy": (
        "categorical_accuracy sparse_categorical_accuracy binary_accuracy accuracy_score "
        "balanced_accuracy"
    ),
    "log_loss": (
        "crossentropy cross_entropy categorical_crossentropy sparse_categorical_crossentropy "
        "binary_crossentropy neg_log_loss nll bce logloss"
    ),
    "mse": "mean_squared_error neg_mean_squared_error squared_error",
    "rmse": "root_mean_squared_error neg_root_mean_squared_error",
    "mae": "mean_absolute_error neg_mean_absolute_error absolute_error",
    "r2": "r2_score r_squared",
    "roc_auc": "auc roc_auc_score auroc",
    "f1": "f1_score f1_macro f1score fscore",
    "precision": "precision_score precision_macro",
    "recall": "recall_score recall_macro sensitivity",
    "top_5": "top_k_categorical_accuracy sparse_top_k_categorical_accuracy top_k_accuracy top_k",
}
_OPTIMIZERS = {
    "sgd": "momentum gradient_descent nesterov adagrad adadelta",
    "adam": "adamax amsgrad radam",
    "nadam": "nadamw",
    "lbfgs": "l-bfgs l_bfgs bfgs",
}
_LAYERS = {
    "Dense": "linear fullyconnected fc affine layer",
    "BatchNorm": "batchnormalization batch_normalization batchnorm1d batch_norm_1d bn",
    "Sigmoid": "logistic expit",
    "SiLU": "swish",
    "ELU": "celu",
    "Standardize": "normalization standardscaler normalize scaler",
    "Tanh": "hyperbolic_tangent",
}
_INITIALIZERS = {
    "he_normal": "kaiming_normal kaiming he normal random_normal randn truncated_normal",
    "he_uniform": "kaiming_uniform random_uniform",
    "glorot_uniform": "xavier glorot",
    "lecun_normal": "lecun variance_scaling",
    "zeros": "zero",
}
_STRATEGIES = {
    "bayesian": "tpe bayes bayesopt bo gp optuna",
    "halving": "hyperband asha successive_halving sha",
    "grid": "grid_search gridsearch exhaustive",
    "random": "random_search randomized",
}
_ARGUMENTS = {
    "activation": "a layer of its own follows, such as Dense(8), ReLU()",
    "activity_regularizer": "l1 and l2 of Dense penalise weights",
    "kernel_initializer": "init",
    "weight_init": "init",
    "initializer": "init",
    "bias_initializer": "biases start at 0; set_weights sets them",
    "kernel_regularizer": "l1 and l2 are numbers: Dense(8, l2=1e-4)",
    "regularizer": "l1 and l2 are numbers: Dense(8, l2=1e-4)",
    "use_bias": "bias",
    "in_features": "the first fit, or build(n_features), tells the number of inputs",
    "input_dim": "the first fit, or build(n_features), tells the number of inputs",
    "input_shape": "the first fit, or build(n_features), tells the number of inputs",
    "out_features": "units",
    "n_units": "units|hidden_layer_sizes",
    "n_hidden": "units|hidden_layer_sizes",
    "name": "parts have no names of their own",
    "p": "rate",
    "prob": "rate",
    "drop_prob": "rate",
    "axis": "columns are the features",
    "dim": "rows are samples",
    "alpha": "slope|scale",
    "negative_slope": "slope",
    "eps": "epsilon",
    "lr": "learning_rate_init|learning_rate",
    "eta": "learning_rate_init|learning_rate",
    "learning_rate_init": "learning_rate",
    "initial_learning_rate": "learning_rate",
    "max_lr": "learning_rate",
    "base_lr": "learning_rate",
    "min_lr": "min_learning_rate|end_learning_rate|low",
    "max_learning_rate": "learning_rate|high",
    "min_learning_rate": "end_learning_rate|low",
    "eta_min": "end_learning_rate",
    "T_max": "decay_steps",
    "T_0": "first_decay_steps",
    "T_mult": "t_mul",
    "step_size": "decay_steps",
    "gamma": "decay_rate",
    "decay": "weight_decay; a rate that falls is a schedule, see fastnn.schedules",
    "weight_decay": "decoupled decay is AdamW's; an L2 penalty is Dense(8, l2=1e-4)",
    "amsgrad": "there is no such variant",
    "betas": "beta_1|beta_2",
    "beta1": "beta_1",
    "beta2": "beta_2",
    "rho": "momentum",
    "clipnorm": "clip_norm; it is an argument of compile",
    "clipvalue": "clip_value; it is an argument of compile",
    "global_clipnorm": "clip_norm; it is an argument of compile",
    "grad_clip": "clip_norm",
    "learning_rate": "it belongs to the optimizer: Adam(learning_rate=1e-3)",
    "weighted_metrics": "metrics count by sample_weight",
    "loss_weights": "sample_weight of fit weighs rows",
    "run_eagerly": "there is one way to run",
    "jit_compile": "there is one way to run",
    "from_logits": "the last layer is Softmax() or Sigmoid(); the two are computed as one",
    "x": "X",
    "data": "X",
    "inputs": "X",
    "x_train": "X",
    "Y": "y",
    "target": "y",
    "targets": "y",
    "labels": "y",
    "y_train": "y",
    "nb_epoch": "epochs|max_iter",
    "n_epochs": "epochs|max_iter",
    "num_epochs": "epochs|max_iter",
    "max_epochs": "epochs|max_iter",
    "n_iter": "epochs|trials",
    "max_iter": "epochs",
    "iterations": "epochs",
    "initial_epoch": "a second fit goes on where the first has stopped",
    "steps_per_epoch": "an epoch is one pass over the rows",
    "validation_steps": "validation takes all rows",
    "validation_batch_size": "validation takes all rows",
    "validation_fraction": "validation_split",
    "test_size": "validation_split",
    "val_split": "validation_split",
    "val_data": "validation_data",
    "eval_set": "validation_data",
    "class_weight": "sample_weight: weights of rows, such as weights[y]",
    "weights": "sample_weight",
    "workers": "n_jobs; set_num_threads sets the threads of one fit",
    "use_multiprocessing": "set_num_threads sets the threads of one fit",
    "num_workers": "n_jobs; set_num_threads sets the threads of one fit",
    "device": "fastnn computes on the processor",
    "random_state": "seed",
    "random_seed": "seed",
    "n_trials": "trials",
    "num_samples": "trials",
    "max_trials": "trials",
    "max_evals": "trials",
    "timeout": "seconds",
    "time_budget": "seconds",
    "time_limit": "seconds",
    "max_time": "seconds",
    "scoring": "monitor",
    "metric": "monitor|metrics",
    "objective": "monitor|loss",
    "direction": "mode",
    "study_name": "storage names a file; a study is found by what it searches",
    "load_if_exists": "a study that exists is gone on with",
    "param_distributions": "space",
    "param_grid": "space",
    "search_space": "space",
    "params": "space",
    "estimator": "build_or_estimator",
    "build": "build_or_estimator",
    "model": "build_or_estimator",
    "pruner": "prune",
    "sampler": "strategy",
    "refit": "best_model is trained when first asked for",
    "k": "cv",
    "n_splits": "cv",
    "n_folds": "cv",
    "folds": "cv",
    "n_neighbors": "neighbours",
    "filepath": "directory|path",
    "file_path": "path",
    "filename": "path",
    "fname": "path",
    "file": "path",
    "f": "path",
    "log_dir": "directory",
    "dirpath": "directory",
    "folder": "directory",
    "save_best_only": 'best="val_loss" keeps the best one',
    "save_weights_only": "files hold the whole model",
    "save_freq": "every",
    "period": "every",
    "every_n_epochs": "every",
    "save_top_k": "keep",
    "max_to_keep": "keep",
    "save_last": "the newest files are kept",
    "start_from_epoch": "warmup",
    "tol": "min_delta",
    "n_iter_no_change": "patience",
    "threshold": "min_delta",
    "restore_best": "restore_best_weights",
    "custom_objects": "own",
    "ax": "axes",
    "axes": "ax",
    "figsize": "pass axes of your own figure",
    "min": "low",
    "max": "high",
    "start": "low",
    "stop": "high",
    "choices": "options",
    "include_optimizer": "files hold the optimizer's state, too",
    "verbose": "it is an argument of fit",
    "return_X_y": "X and y are what it returns",
    "as_frame": "X and y are arrays",
    "overwrite": "a file that exists is replaced",
    "epochs": "max_iter",
    "seed": "random_state",
    "hidden_layers": "hidden_layer_sizes",
    "hidden_units": "hidden_layer_sizes",
    "layer_sizes": "hidden_layer_sizes",
    "layers": "hidden_layer_sizes",
    "units": "hidden_layer_sizes",
    "l2": "alpha",
    "optimizer": "it is an argument of compile",
    "loss": "it is an argument of compile",
    "metrics": "it is an argument of compile",
    "callbacks": "it is an argument of fit",
    "n_features": "the first fit, or build(n_features), tells the number of inputs",
}
"""An entry without a space is ours, or several: the first that the function takes is meant."""


_FOLLOWS = "it is a layer of its own, after the one whose outputs it changes: Dense(8), "
OF_PARTS = {
    "Activation": 'a known one is a layer of its own, such as ReLU() or "relu"',
    "Softmax": "the layer before it has an output a class: Dense(10), Softmax()",
    "BatchNorm": "it takes as many features as the layer before it has",
} | {
    name: f"{_FOLLOWS}{name}()"
    for name in ("ReLU", "Tanh", "Sigmoid", "GELU", "SELU", "SiLU", "Mish", "Softplus")
}
"""What to say besides where such a part is made with wrong arguments."""


def _turned(table: dict[str, str]) -> dict[str, str]:
    return {theirs: ours for ours, names in table.items() for theirs in names.split()}


FOREIGN: dict[str, dict[str, str]] = {
    "loss": _turned(_LOSSES),
    "metric": _turned(_METRICS) | {"acc": "accuracy"},
    "optimizer": _turned(_OPTIMIZERS),
    "layer": _turned(_LAYERS),
    "initializer": _turned(_INITIALIZERS),
    "strategy": _turned(_STRATEGIES),
    "reduction": {"none": "mean", "average": "mean", "sum_over_batch_size": "mean"},
    "argument": _ARGUMENTS,
}
"""What is looked up -> the name of another library -> ours, or several of ours, or an advice."""


def ours(kind: str, name: str, known: list[str]) -> str:
    """What to say of a name of another library; empty where none is known.

    Examples
    --------
    >>> ours("loss", "bce", ["mse", "binary_cross_entropy"])
    'here it is "binary_cross_entropy"'
    >>> ours("monitor", "val_acc", ["val_accuracy", "val_loss"])
    'here it is "val_accuracy"'
    """
    prefix = "val_" if kind == "monitor" and name.startswith("val_") else ""
    table = FOREIGN.get("metric" if kind == "monitor" else kind.partition(" ")[0], {})
    plain = name.removeprefix(prefix)
    found = table.get(plain) or table.get(plain.lower().replace("-", "_").replace(" ", "_"))
    if found is None:
        return ""
    names = [prefix + part for part in found.partition(";")[0].split("|")]
    here = next((part for part in names if part in known), None)
    if here is not None:
        return f'here it is "{here}"'
    first, _, further = found.partition("; ")
    return found if " " in first else further
