# %% [markdown]
# # AlexNet, scaled to 28 × 28
#
# Source: A seminar on testing what was trained, AlexNet
#
# The net that won in 2012, made small enough for handwritten digits and for a laptop: five convolutions,
# overlapping pooling, local response normalisation, two wide layers with dropout 0.5. And its training,
# which is the other half of the story: momentum 0.9, weight decay 5e-4, and a learning rate that is
# **divided by ten whenever the validation accuracy stops rising**.
#
# Three sets, three duties: training rows move the weights, validation rows decide (learning rate, which
# weights to keep), test rows are asked once, at the end.

# %%
import gzip
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

# %% tags=["parameters"]
DATA = "mnist"
ROWS = 30000
EPOCHS = 30
BATCH = 128
LEARNING_RATE = 0.01
PATIENCE = 3
SEED = 0

# %% [markdown]
# ## Data
# MNIST, or scikit-learn's small digits, enlarged, for a quick look. `ROWS = 0` takes all training rows; a
# sixth of them is held out for validation.


# %%
def read_idx(path):
    """The array of an idx file: four bytes of type and rank, the shape, then the bytes."""
    raw = gzip.decompress(Path(path).read_bytes())
    shape = np.frombuffer(raw, ">i4", count=raw[3], offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)


def load(name):
    """Training and test pictures, float32 (n, 28, 28, 1) in 0 … 1, and their labels."""
    if name == "digits":
        from sklearn.datasets import load_digits

        small = load_digits()
        large = np.kron(small.images / 16, np.ones((1, 3, 3)))
        pictures = np.pad(large, ((0, 0), (2, 2), (2, 2)))[..., None].astype("float32")
        labels = small.target.astype("int32")
        return (pictures[:1400], labels[:1400]), (pictures[1400:], labels[1400:])
    parts = []
    for part in ("train", "t10k"):
        pictures = read_idx(f"../input/{name}/{part}-images-idx3-ubyte.gz")
        labels = read_idx(f"../input/{name}/{part}-labels-idx1-ubyte.gz")
        parts.append((pictures[..., None].astype("float32") / 255, labels.astype("int32")))
    return parts


(pictures, labels), (test_pictures, test_labels) = load(DATA)
pictures, labels = pictures[: ROWS or None], labels[: ROWS or None]
rows = np.random.default_rng(SEED).permutation(len(labels))
validation_rows, training_rows = np.split(rows, [len(rows) // 6])
print(
    len(training_rows), "to train,", len(validation_rows), "to decide,", len(test_labels), "to test"
)

# %% [markdown]
# ## A first look
# Random digits with their row number and label. Looking costs a minute and finds shifted labels, inverted
# colours and broken readers before any training does.

# %%
shown = np.random.default_rng(SEED).choice(training_rows, 15, replace=False)
figure, axes = plt.subplots(3, 5, figsize=(8, 5.5))
for axis, row in zip(axes.flat, shown, strict=True):
    axis.imshow(pictures[row, :, :, 0], cmap="gray_r")
    axis.set_title(f"row {row}: {labels[row]}")
    axis.axis("off")
plt.show()
print("rows per label:", np.bincount(labels[training_rows]))

# %% [markdown]
# ## The arithmetic of the original
# A convolution of width f with padding p and stride s turns n columns into (n − f + 2p)/s + 1, and that
# must be an integer. With the often printed 224 the first layer fails; with 227 all is well.


# %%
def columns(n, f, p, s):
    return (n - f + 2 * p) / s + 1


LAYERS = {
    "conv 11×11 / 4": (11, 0, 4), "pool 3×3 / 2": (3, 0, 2), "conv 5×5, pad 2": (5, 2, 1),
    "pool 3×3 / 2 ": (3, 0, 2), "conv 3×3, pad 1, three times": (3, 1, 1), " pool 3×3 / 2": (3, 0, 2),
}  # fmt: skip
size = 227
for layer, geometry in LAYERS.items():
    before, size = size, columns(size, *geometry)
    print(f"{layer.strip():28} {before:5g} → {size:g}")
print(f"from 224 the first layer would give {columns(224, 11, 0, 4):g} columns")
features_of_the_original = int(size) ** 2 * 256

# %% [markdown]
# ## Local response normalisation
# A strong response damps its neighbours in the *channel* direction:
#
# bᵢ = aᵢ / (k + α Σ aⱼ²)^β, the sum over the n = 5 channels around i, with k = 2, α = 1e-4, β = 0.75.
#
# Two traps. TensorFlow asks for the *radius* of the window: n = 5 is `depth_radius=2`. And its α stands
# before the sum, as in the formula, while some frameworks divide α by n first. So we check it by hand.


# %%
def local_response_normalization(a):
    return tf.nn.local_response_normalization(a, depth_radius=2, bias=2.0, alpha=1e-4, beta=0.75)


def by_hand(a, k=2.0, n=5, alpha=1e-4, beta=0.75):
    squares = np.pad(a**2, [(0, 0)] * 3 + [(n // 2, n // 2)])
    sums = sum(squares[..., j : j + a.shape[-1]] for j in range(n))
    return a / (k + alpha * sums) ** beta


sample = np.random.default_rng(SEED).normal(0, 50, (2, 3, 3, 8)).astype("float32")
lrn_difference = float(np.abs(local_response_normalization(sample) - by_hand(sample)).max())
print(f"TensorFlow and the formula differ by at most {lrn_difference:.1e}")

# %% [markdown]
# ## The net
# The original's order, a tenth of its widths: conv 5×5 → LRN → pool, conv 5×5 → LRN → pool, three times
# conv 3×3, pool, then two dense layers with dropout and ten logits. The pooling windows overlap (3 wide,
# stride 2). Weights start by Xavier's rule, biases at zero.
#
# The first thing the net does is to standardise the pixels, with mean and deviation of the training rows.
# This decides whether it learns at all: with pixels in 0 … 1 the small signal gets smaller from layer to
# layer and the loss stays at ln 10 = 2.30 for hundreds of steps.


# %%
class AlexNet28(tf.keras.Model):
    """Pictures (n, 28, 28, 1) → ten logits."""

    def __init__(self, mean, deviation):
        super().__init__()
        self.mean, self.deviation = mean, deviation
        layers = tf.keras.layers
        like = {"activation": "relu", "kernel_initializer": "glorot_uniform"}
        self.conv1 = layers.Conv2D(32, 5, padding="same", **like)
        self.conv2 = layers.Conv2D(64, 5, padding="same", **like)
        self.conv3 = layers.Conv2D(96, 3, padding="same", **like)
        self.conv4 = layers.Conv2D(96, 3, padding="same", **like)
        self.conv5 = layers.Conv2D(64, 3, padding="same", **like)
        self.pool = layers.MaxPool2D(3, strides=2)
        self.flatten = layers.Flatten()
        self.full6, self.full7 = layers.Dense(256, **like), layers.Dense(256, **like)
        self.dropout6, self.dropout7 = layers.Dropout(0.5, seed=6), layers.Dropout(0.5, seed=7)
        self.logits = layers.Dense(10)

    def call(self, x, training=False):
        x = (x - self.mean) / self.deviation
        x = self.pool(local_response_normalization(self.conv1(x)))  # 28 → 13
        x = self.pool(local_response_normalization(self.conv2(x)))  # 13 → 6
        x = self.conv5(self.conv4(self.conv3(x)))
        x = self.flatten(self.pool(x))  # 6 → 2
        x = self.dropout6(self.full6(x), training=training)
        x = self.dropout7(self.full7(x), training=training)
        return self.logits(x)


tf.keras.utils.set_random_seed(SEED)
mean, deviation = (float(part(pictures[training_rows])) for part in (np.mean, np.std))
net = AlexNet28(mean, deviation)
net(pictures[:1])
parameters = net.count_params()
for layer in net.layers:
    if layer.count_params():
        print(f"{layer.name:10} {layer.count_params():8,}")
print(f"{'together':10} {parameters:8,}")

# %% [markdown]
# ## One step
# The original's weight decay is a pull of 5e-4 · w *inside* the gradient, so it passes through the
# momentum and scales with the learning rate. That is the derivative of ½ · 5e-4 · Σ w², so we add this to
# the loss. (`SGD(weight_decay=…)` of Keras is another thing: it shrinks the weights beside the momentum,
# ten times weaker here.)

# %%
WEIGHT_DECAY = 5e-4
optimizer = tf.keras.optimizers.SGD(LEARNING_RATE, momentum=0.9)
optimizer.build(net.trainable_variables)
kernels = [variable for variable in net.trainable_variables if variable.name == "kernel"]


@tf.function
def learn(x, y):
    """One step on one batch; returns the mean cross-entropy, without the decay."""
    with tf.GradientTape() as tape:
        logits = net(x, training=True)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))
        decay = tf.add_n([tf.nn.l2_loss(kernel) for kernel in kernels])
        penalised = loss + WEIGHT_DECAY * decay
    gradients = tape.gradient(penalised, net.trainable_variables)
    optimizer.apply_gradients(zip(gradients, net.trainable_variables, strict=True))
    return loss


@tf.function
def predict(x):
    return net(x, training=False)


def accuracy(x, y):
    found = [predict(x[i : i + 1000]).numpy().argmax(1) for i in range(0, len(y), 1000)]
    return float((np.concatenate(found) == y).mean())


# %% [markdown]
# ## Light augmentation
# The original cuts random 224-pixel windows out of larger pictures and mirrors them. We pad by two pixels
# and cut a random 28 × 28 window, so a digit moves by up to two pixels. No mirror: a mirrored 2 is no 2.


# %%
def shift(picture, label, key):
    padded = tf.pad(picture, [[2, 2], [2, 2], [0, 0]])
    return tf.image.stateless_random_crop(padded, (28, 28, 1), seed=key), label


def batches(epoch):
    """The augmented batches of an epoch; order and shifts depend on (seed, epoch) alone."""
    random = np.random.default_rng([SEED, epoch])
    order = random.permutation(training_rows)
    keys = random.integers(2**31, size=(len(order), 2))
    data = tf.data.Dataset.from_tensor_slices((pictures[order], labels[order], keys))
    data = data.map(shift, num_parallel_calls=tf.data.AUTOTUNE)
    return data.batch(BATCH, drop_remainder=True).prefetch(2)


example = np.stack([picture for picture, _ in batches(0).unbatch().take(5).as_numpy_iterator()])
plt.figure(figsize=(8, 2))
plt.imshow(np.hstack(example[..., 0]), cmap="gray_r")
plt.axis("off")
plt.title("five shifted digits")
plt.show()

# %% [markdown]
# ## The schedule
# If the validation accuracy has not risen for PATIENCE epochs, the learning rate is divided by ten, from
# the best weights on. After three such divisions training stops.


# %%
class Plateau:
    """Keeps the best weights by validation accuracy and divides the learning rate by ten on a plateau."""

    def __init__(self, patience, divisions=3):
        self.patience, self.divisions = patience, divisions
        self.best, self.weights, self.waited = -1.0, None, 0

    def saw(self, accuracy):
        """Take note of an epoch; returns whether training should go on."""
        if accuracy > self.best:
            self.best, self.weights, self.waited = accuracy, net.get_weights(), 0
            return True
        self.waited += 1
        if self.waited < self.patience:
            return True
        self.waited, self.divisions = 0, self.divisions - 1
        optimizer.learning_rate.assign(optimizer.learning_rate / 10)
        net.set_weights(self.weights)
        print(f"  plateau: learning rate {float(optimizer.learning_rate):.0e}")
        return self.divisions >= 0


# %%
plateau, curve = Plateau(PATIENCE), []
for epoch in range(EPOCHS):
    rate = float(optimizer.learning_rate)
    loss = np.mean([float(learn(x, y)) for x, y in batches(epoch)])
    validation = accuracy(pictures[validation_rows], labels[validation_rows])
    curve.append((loss, validation, rate))
    print(f"epoch {epoch + 1:2d}  rate {rate:.0e}  loss {loss:.4f}  validation {validation:.4f}")
    if not plateau.saw(validation):
        break
epochs_done = len(curve)
divisions = 3 - plateau.divisions

# %%
losses, validations, rates = np.array(curve).T
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3))
left.plot(losses)
left.set_title("training loss (dropout on)")
right.plot(validations)
for epoch in np.flatnonzero(np.diff(rates)):
    right.axvline(epoch + 0.5, color="silver")
right.set_title("validation accuracy (line: rate / 10)")
plt.show()

# %% [markdown]
# ## The test, once
# With the weights that the validation rows chose.

# %%
net.set_weights(plateau.weights)
validation_accuracy = plateau.best
test_accuracy = accuracy(test_pictures, test_labels)
half_width = 1.96 * np.sqrt(test_accuracy * (1 - test_accuracy) / len(test_labels))
print(f"validation {validation_accuracy:.4f} (chosen for it, so a little rosy)")
print(f"test {test_accuracy:.4f} ± {half_width:.4f}, error {1 - test_accuracy:.2%}")

# %% [markdown]
# ## Does the normalisation do anything here?
# The constants were chosen for pictures with values up to 255. Ours end at about 3. When α Σ a² is tiny
# beside k = 2, everything is just divided by 2^0.75 ≈ 1.68. We look at the division, response by response.

# %%
sample = pictures[validation_rows[:500]]
first = net.conv1((sample - net.mean) / net.deviation)
second = net.conv2(net.pool(local_response_normalization(first)))
damping = []
for name, response in (("first", first.numpy()), ("second", second.numpy())):
    normalised = local_response_normalization(response).numpy()
    ratio = normalised[response > 1e-3] / response[response > 1e-3]
    damping.append(float(ratio.min() / 2**-0.75))
    print(
        f"{name} layer: largest response {response.max():.2f}; the division ranges over "
        f"{ratio.min():.4f} … {ratio.max():.4f}; the constant alone is {2**-0.75:.4f}"
    )
damping_first, damping_second = damping
