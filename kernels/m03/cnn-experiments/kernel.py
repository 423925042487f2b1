# %% [markdown]
# # A CNN on MNIST as an experiment kit
#
# Source: CNN experiments on MNIST
#
# One network with four switches, one namespace of arguments, and a grid over two of them. The original tries
# batch normalisation (yes, no) × dropout (0.2, 0.25, 0.2) and takes the setting with the best *test* score.
# Three questions:
#
# 1. Can the grid tell 0.2 from 0.25, when 0.2 twice does not give the same figure?
# 2. What changes when the setting is chosen on validation rows?
# 3. Which pictures stay wrong?

# %%
import argparse
import copy
import gzip
import math
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

# %% [markdown]
# ## Settings
# **This is a subset.** The full setting is `ROWS = 0`, `TEST_ROWS = 0`, `EPOCHS = 30`, `BATCH = 128`,
# `MOMENTUM_PERCENT = 99`. At 144 pictures a second, which is what two processor cores train, its six trainings
# would take seventeen hours. On few rows the batches are smaller, so that there are enough steps, and batch
# normalisation forgets faster (momentum 0.9), because its averages would otherwise still be near their start.

# %% tags=["parameters"]
DATA = "mnist"
ROWS = 3000
TEST_ROWS = 5000
EPOCHS = 8
BATCH = 32
MOMENTUM_PERCENT = 90
USE_BN = [1, 0]
DROPOUT_PERCENT = [20, 25, 20]
RATE = 0.00005
DIGITS_REPEATS = 10
DIGITS_EPOCHS = 8
DIGITS_RATE = 0.0005
SEED = 0

# %% [markdown]
# ## The pictures
# Pixels from 0 to 1, labels one-hot: ten numbers, nine of them 0.


# %%
def read_idx(path):
    raw = gzip.decompress(Path(path).read_bytes())
    dimensions = raw[3]
    shape = np.frombuffer(raw, ">i4", count=dimensions, offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


# %%
def load_idx(folder):
    parts = []
    for part in ("train", "t10k"):
        images = read_idx(f"{folder}/{part}-images-idx3-ubyte.gz")
        labels = read_idx(f"{folder}/{part}-labels-idx1-ubyte.gz")
        parts += [images[..., None] / np.float32(255), tf.keras.utils.to_categorical(labels, 10)]
    return parts


def load_small_digits():
    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32).reshape(-1, 8, 8, 1)
    x_train, x_test, y_train, y_test = train_test_split(
        images,
        tf.keras.utils.to_categorical(labels, 10),
        test_size=0.2,
        random_state=0,
        stratify=labels,
    )
    return x_train, y_train, x_test, y_test


# %%
def split(x_all, y_all, x_test, y_test, rows=0, test_rows=0):
    """The first rows; their last 20 % are for validation."""
    rows = min(rows or len(x_all), len(x_all))
    first, test_rows = int(rows * 0.8), test_rows or len(x_test)
    return argparse.Namespace(
        train=(x_all[:first], y_all[:first]),
        valid=(x_all[first:rows], y_all[first:rows]),
        test=(x_test[:test_rows], y_test[:test_rows]),
    )


# %%
loaded = load_small_digits() if DATA == "digits" else load_idx(f"../input/{DATA}")
data = split(*loaded, ROWS, TEST_ROWS)
x_test, y_test = data.test
print(
    f"rows: {len(data.train[0])} to train, {len(data.valid[0])} to choose by, {len(x_test)} to test"
)

# %% [markdown]
# ## A loader of our own
# A Keras `Sequence` gives batch number *i* when asked for it, and shuffles when an epoch ends. The original
# defines one and then passes whole arrays to `fit`; here `fit` really gets it.


# %%
class Loader(tf.keras.utils.Sequence):
    def __init__(self, images, labels, batch, seed):
        super().__init__()
        self.images, self.labels, self.batch = images, labels, batch
        self.random = np.random.default_rng(seed)
        self.order = self.random.permutation(len(images))

    def __len__(self):
        return math.ceil(len(self.images) / self.batch)

    def __getitem__(self, number):
        rows = self.order[number * self.batch : (number + 1) * self.batch]
        return self.images[rows], self.labels[rows]

    def on_epoch_end(self):
        self.random.shuffle(self.order)


# %% [markdown]
# Nine digits of one batch, each with its label.

# %%
images, labels = Loader(*data.train, 9, SEED)[0]
_, axes = plt.subplots(3, 3, figsize=(4, 4.6))
for axis, image, label in zip(axes.flat, images, labels, strict=True):
    axis.imshow(image[..., 0], cmap="gray_r")
    axis.set_title(int(label.argmax()))
    axis.axis("off")
plt.show()

# %% [markdown]
# ## Names that are checked
# A wrong name stops at once and says which names there are. It does not train for an hour with a default.

# %%
ACTIVATIONS = {name: name for name in ("relu", "sigmoid", "tanh", "softmax")}
INITIALISERS = {"xavier": "glorot_uniform", "he": "he_uniform"}
OPTIMISERS = {
    "sgd": tf.keras.optimizers.SGD,
    "rmsprop": tf.keras.optimizers.RMSprop,
    "adam": tf.keras.optimizers.Adam,
}


def named(kind, table, name):
    if name not in table:
        raise ValueError(f"{kind} must be one of {', '.join(table)}, found {name!r}")
    return table[name]


# %%
try:
    named("optimiser", OPTIMISERS, "rmsprob")
except ValueError as error:
    print(f"ValueError: {error}")

# %% [markdown]
# ## The network
# Five convolutions of 64 channels. With `use_bn`, each is followed by a normalisation (after pooling and
# dropout, where there are any).


# %%
class Pieces(tf.keras.Sequential):
    """What the network is put together from: each piece knows the switches."""

    def __init__(self, act, initial, use_bn, momentum):
        super().__init__()
        self.use_bn, self.momentum = use_bn, momentum
        self.options = {
            "activation": named("activation", ACTIVATIONS, act),
            "kernel_initializer": named("initialiser", INITIALISERS, initial),
        }

    def normalise(self):
        if self.use_bn:
            self.add(tf.keras.layers.BatchNormalization(momentum=self.momentum))

    def convolve(self, size):
        self.add(tf.keras.layers.Conv2D(64, size, padding="same", **self.options))


# %%
class CNN(Pieces):
    def __init__(self, act, initial, dropout, use_bn, shape=(28, 28, 1), momentum=0.99):
        super().__init__(act, initial, use_bn, momentum)
        self.add(tf.keras.Input(shape))
        for size in (5, 3):
            self.convolve(size)
            self.normalise()
            self.convolve(size)
            self.add(tf.keras.layers.MaxPooling2D(2, strides=2))
            self.add(tf.keras.layers.Dropout(dropout))
            self.normalise()
        self.convolve(3)
        self.add(tf.keras.layers.Dropout(dropout))
        self.add(tf.keras.layers.Flatten())
        self.normalise()
        self.add(tf.keras.layers.Dense(256, **self.options))
        self.add(tf.keras.layers.Dropout(dropout))
        self.normalise()
        self.add(tf.keras.layers.Dense(10, activation="softmax"))


# %% [markdown]
# Counted on 28 × 28 pictures. A normalisation has four numbers a channel: two are trained, two are averages.

# %%
counted = CNN("relu", "he", 0.25, use_bn=True)
parameters = counted.count_params()
trainable_parameters = sum(int(np.prod(weight.shape)) for weight in counted.trainable_weights)
print(f"{parameters:,} parameters, {trainable_parameters:,} of them trainable")

# %% [markdown]
# ## The arguments of an experiment

# %%
args = argparse.Namespace(
    act="relu",
    initial="he",
    dropout=0.25,
    use_bn=True,
    optimiser="rmsprop",
    rate=RATE,
    epochs=EPOCHS,
    seed=SEED,
    data=data,
)

# %% [markdown]
# The original has a learning-rate schedule but does not print its function. Ours: each epoch 0.95 of the last.
# Early stopping watches the validation accuracy: three epochs without a better one, and the best weights return.


# %%
def callbacks():
    return [
        tf.keras.callbacks.LearningRateScheduler(
            lambda epoch, rate: rate * 0.95 if epoch else rate
        ),
        tf.keras.callbacks.EarlyStopping(
            monitor="val_accuracy", mode="max", patience=3, min_delta=0, restore_best_weights=True
        ),
    ]


# %%
def compiled(args):
    tf.keras.utils.set_random_seed(args.seed)
    shape, momentum = args.data.train[0].shape[1:], MOMENTUM_PERCENT / 100
    network = CNN(args.act, args.initial, args.dropout, args.use_bn, shape, momentum)
    network.compile(
        optimizer=named("optimiser", OPTIMISERS, args.optimiser)(args.rate),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    return network


# %%
def experiment(args):
    """Train one network; its validation and test figures go into a copy of its arguments."""
    started, done = time.perf_counter(), copy.copy(args)
    done.model = compiled(args)
    done.curve = done.model.fit(
        Loader(*args.data.train, BATCH, args.seed),
        validation_data=args.data.valid,
        epochs=args.epochs,
        callbacks=callbacks(),
        verbose=0,
    ).history
    done.valid = done.model.evaluate(*args.data.valid, verbose=0, return_dict=True)["accuracy"]
    done.test = done.model.evaluate(*args.data.test, verbose=0, return_dict=True)["accuracy"]
    done.seconds = time.perf_counter() - started
    return done


# %% [markdown]
# ## The grid over two named variables
# A value that stands twice in a list is trained twice, with another seed: that is how a grid measures its own
# noise.


# %%
def grid(args, first, first_values, second, second_values):
    runs = []
    for a in first_values:
        for b in second_values:
            one = copy.copy(args)
            setattr(one, first, a)
            setattr(one, second, b)
            one.seed = args.seed + len(runs)
            runs.append(experiment(one))
            report(runs[-1])
    return runs


def report(run):
    curve = " ".join(f"{accuracy:.3f}" for accuracy in run.curve["val_accuracy"])
    print(
        f"BN {run.use_bn!s:5} dropout {run.dropout:.2f} seed {run.seed}: validation {run.valid:.4f}, "
        f"test {run.test:.4f}, {len(run.curve['loss'])} epochs, {run.seconds:.0f} s\n"
        f"    validation accuracy by epoch: {curve}",
        flush=True,
    )


# %%
dropouts = [percent / 100 for percent in DROPOUT_PERCENT]
runs = grid(args, "use_bn", [bool(value) for value in USE_BN], "dropout", dropouts)

# %% [markdown]
# ## Is the difference between 0.2 and 0.25 real?
# Two distances: how far *equal* settings lie apart, and how far the mean of one setting lies from the mean of
# the other. While the first is not clearly the smaller one, the grid shows noise. First the original's own
# figures (with batch normalisation), then ours.


# %%
def distances(scores):
    """`scores`: dropout → the test accuracies of its repeats. Gives the two distances."""
    equal = max(max(repeats) - min(repeats) for repeats in scores.values())
    means = [np.mean(repeats) for repeats in scores.values()]
    return float(equal), float(max(means) - min(means))


def by_dropout(runs):
    return {rate: [r.test for r in runs if r.dropout == rate] for rate in {r.dropout for r in runs}}


# %%
printed = distances({0.2: [0.9948, 0.9962], 0.25: [0.9957]})
print(f"printed: equal settings {printed[0]:.4f} apart, 0.2 and 0.25 {printed[1]:.4f} apart")
for use_bn in sorted({run.use_bn for run in runs}, reverse=True):
    equal, different = distances(by_dropout([run for run in runs if run.use_bn == use_bn]))
    print(f"BN {use_bn}: equal settings {equal:.4f} apart, 0.2 and 0.25 {different:.4f} apart")

# %% [markdown]
# ## Ten repeats of each, on small digits
# One or two trainings of a setting cannot settle this. scikit-learn's digits are small enough for ten.

# %%
small = copy.copy(args)
small.data, small.epochs, small.rate = split(*load_small_digits()), DIGITS_EPOCHS, DIGITS_RATE
repeated = grid(
    small, "use_bn", [True], "dropout", [0.2] * DIGITS_REPEATS + [0.25] * DIGITS_REPEATS
)

# %%
digits_scores = by_dropout(repeated)
for rate, repeats in sorted(digits_scores.items()):
    print(f"dropout {rate}: mean {np.mean(repeats):.4f}, sd {np.std(repeats, ddof=1):.4f}")
if digits_scores:
    digits_equal, digits_different = distances(digits_scores)
    print(
        f"digits: equal settings up to {digits_equal:.4f} apart, means {digits_different:.4f} apart"
    )

# %% [markdown]
# ## Chosen on the validation rows
# The test rows are looked at once, for the setting that the validation rows have chosen. The mean over the
# repeats of a setting counts, not its luckiest run.

# %%
settings = sorted({(run.use_bn, run.dropout) for run in runs})


def mean_of(figure, setting):
    same = [run for run in runs if (run.use_bn, run.dropout) == setting]
    return float(np.mean([getattr(run, figure) for run in same]))


chosen = max(settings, key=lambda setting: mean_of("valid", setting))
validation_accuracy, test_accuracy = mean_of("valid", chosen), mean_of("test", chosen)
print(f"chosen: BN {chosen[0]}, dropout {chosen[1]}: validation {validation_accuracy:.4f}")
print(
    f"its test accuracy {test_accuracy:.4f}; the best of all test scores is {max(r.test for r in runs):.4f}"
)

# %%
with_bn_test_accuracy = float(np.mean([run.test for run in runs if run.use_bn]))
without_bn_test_accuracy = float(np.mean([run.test for run in runs if not run.use_bn]))
print(
    f"mean test accuracy: with BN {with_bn_test_accuracy:.4f}, without {without_bn_test_accuracy:.4f}"
)

# %% [markdown]
# ## Curves
# Accuracy and loss of each epoch, for training and validation rows.

# %%
best = max((run for run in runs if (run.use_bn, run.dropout) == chosen), key=lambda run: run.valid)
model, history = best.model, best.curve
_, axes = plt.subplots(1, 2, figsize=(10, 4))
for axis, figure in zip(axes, ("accuracy", "loss"), strict=True):
    for prefix, name in (("", "train"), ("val_", "validation")):
        axis.plot(range(1, len(history["loss"]) + 1), history[prefix + figure], label=name)
    axis.set_xlabel("epoch")
    axis.set_ylabel(figure)
    axis.legend()
plt.show()

# %% [markdown]
# ## Every wrong picture, in a square
# Above each: true label → predicted label.

# %%
truth = y_test.argmax(axis=1)
predicted = model.predict(x_test, verbose=0).argmax(axis=1)
wrong = np.flatnonzero(predicted != truth)
side = max(1, math.ceil(math.sqrt(len(wrong))))
_, axes = plt.subplots(side, side, figsize=(side, 1.2 * side), squeeze=False)
for axis in axes.flat:
    axis.axis("off")
for axis, row in zip(axes.flat, wrong, strict=False):
    axis.imshow(x_test[row, ..., 0], cmap="gray_r")
    axis.set_title(f"{truth[row]} → {predicted[row]}", fontsize=8)
plt.show()
print(f"{len(wrong)} of {len(x_test)} test pictures are wrong")

# %% [markdown]
# ## All figures

# %%
print(f"parameters      {parameters:,} ({trainable_parameters:,} trainable)")
print(f"with BN         mean test accuracy {with_bn_test_accuracy:.4f}")
print(f"without BN      mean test accuracy {without_bn_test_accuracy:.4f}")
print(f"chosen setting  validation {validation_accuracy:.4f}, test {test_accuracy:.4f}")
