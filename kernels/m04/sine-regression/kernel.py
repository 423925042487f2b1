# %% [markdown]
# # A sine, and a lesson in shapes
#
# Source: Deep learning from theory to practice, sine regression
#
# A small network shall learn y = sin x. In the lecture it learns nothing but a flat line, and the lecture
# blames *full-batch* learning: with mini-batches all would be well. We try all four cases, full batch or
# mini-batches, right shape or the lecture's shape, and let the loss say who is guilty.

# %%
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

# %% tags=["parameters"]
SEED = 0
RUNS = 5
POINTS = 1000
UPDATES = 100
BATCH = 100
LEARNING_RATE = 0.2

# %% [markdown]
# ## The points
# The noise of 0.1 is the lecture's. How x is drawn is not printed: a standard normal x gives the variance
# of y that the lecture's stuck networks show (0.43 to 0.45), so we take that.


# %%
def points(seed):
    """Inputs of shape (POINTS, 1), targets of shape (POINTS,), float32; flat as in the lecture."""
    random = np.random.default_rng(seed)
    x = random.normal(0, 1, POINTS)
    y = np.sin(x) + random.normal(0, 0.1, POINTS)
    return x[:, None].astype("float32"), y.astype("float32")


x, y = points(SEED)
variance = float(y.var())
print(f"x {x.shape}, y {y.shape}, variance of y {variance:.3f}, noise alone {0.1**2:.3f}")

# %% [markdown]
# ## The two networks
# 1-5-1 with tanh and 1-5-3-1 with sigmoid; the last layer is linear.


# %%
class Network(tf.Module):
    """Dense layers with one activation between them."""

    def __init__(self, sizes, activation, seed):
        super().__init__()
        self.activation = activation
        self.weights = [
            tf.Variable(tf.random.stateless_normal(shape, seed=(seed, layer)))
            for layer, shape in enumerate(pairwise(sizes))
        ]
        self.biases = [tf.Variable(tf.zeros(size)) for size in sizes[1:]]

    def __call__(self, x):
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            x = self.activation(x @ weight + bias)
        return x @ self.weights[-1] + self.biases[-1]


NETWORKS = {"1-5-1 tanh": ((1, 5, 1), tf.tanh), "1-5-3-1 sigmoid": ((1, 5, 3, 1), tf.sigmoid)}
parameters = {}
for name, (sizes, activation) in NETWORKS.items():
    variables = Network(sizes, activation, SEED).trainable_variables
    parameters[name] = sum(int(tf.size(variable)) for variable in variables)
print("parameters:", parameters)
parameters_tanh, parameters_sigmoid = parameters.values()

# %% [markdown]
# ## Two losses that look the same
# The network's output has shape (n, 1), the targets (n,). Subtracting one from the other does not fail:
# broadcasting makes an (n, n) table in which *every* output meets *every* target.

# %%
output = Network(*NETWORKS["1-5-1 tanh"], SEED)(x)
print("right shape:", (output[:, 0] - y).shape, "  the lecture's:", (output - y).shape)


def loss_right(output, y):
    return tf.reduce_mean(tf.square(output[:, 0] - y))


def loss_broadcast(output, y):
    return tf.reduce_mean(tf.square(output - y))


# %% [markdown]
# What does the second loss reward? The mean over all pairs splits into three parts,
#
# mean (pᵢ − yⱼ)² = var p + var y + (mean p − mean y)².
#
# No part of it knows which output belongs to which target. The smallest value is var y, reached by a
# constant: the mean of y. A network that minimises it *must* become a flat line.

# %%
p = output[:, 0].numpy()
parts = p.var() + y.var() + (p.mean() - y.mean()) ** 2
print(f"over all pairs {float(loss_broadcast(output, y)):.5f}, sum of the three parts {parts:.5f}")

# %% [markdown]
# ## Training
# Plain gradient descent. To be fair every case gets the same number of updates: the full batch sees all
# 1,000 points each time, a mini-batch 100 of them.


# %%
def train(name, loss, batch, seed):
    """The network after UPDATES updates, and its true mse before, between and after, as a list."""
    x, y = points(seed)
    network = Network(*NETWORKS[name], seed)
    optimizer = tf.keras.optimizers.SGD(LEARNING_RATE)
    optimizer.build(network.trainable_variables)

    @tf.function
    def update(x, y):
        with tf.GradientTape() as tape:
            value = loss(network(x), y)
        gradients = tape.gradient(value, network.trainable_variables)
        optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))

    data = tf.data.Dataset.from_tensor_slices((x, y))
    if batch < POINTS:
        data = data.shuffle(POINTS, seed=seed)
    curve = [float(loss_right(network(x), y))]
    for x_batch, y_batch in data.batch(batch).repeat().take(UPDATES):
        update(x_batch, y_batch)
        curve.append(float(loss_right(network(x), y)))
    return network, curve


# %% [markdown]
# ## All four cases, for both networks

# %%
CASES = {
    "full batch, right shape": (loss_right, POINTS),
    "mini-batch, right shape": (loss_right, BATCH),
    "full batch, broadcast": (loss_broadcast, POINTS),
    "mini-batch, broadcast": (loss_broadcast, BATCH),
}
fitted, curves = {}, {}
for name in NETWORKS:
    for case, (loss, batch) in CASES.items():
        trained = [train(name, loss, batch, seed) for seed in range(SEED, SEED + RUNS)]
        fitted[name, case] = trained[0][0]
        curves[name, case] = np.array([curve for _, curve in trained])

# %%
print(f"mean squared error, mean of {RUNS} seeds (lowest … highest); variance of y {variance:.3f}")
for (name, case), curve in curves.items():
    ten, last = curve[:, 10], curve[:, -1]
    print(
        f"{name:16} {case:24} after 10: {ten.mean():.3f}   "
        f"after {UPDATES}: {last.mean():.4f} ({last.min():.4f} … {last.max():.4f})"
    )

# %%
figure, axes = plt.subplots(2, 4, figsize=(14, 6), sharey=True)
order = np.argsort(x[:, 0])
for axis, (key, network) in zip(axes.flat, fitted.items(), strict=True):
    axis.plot(x[:, 0], y, ".", markersize=1, color="silver")
    axis.plot(x[order, 0], network(x).numpy()[order, 0], color="black")
    axis.set_title("\n".join(key), fontsize=9)
plt.tight_layout()
plt.show()

# %% [markdown]
# ## Verdict
# The rows separate by *shape*, not by batch: with right shapes the full batch fits as well as the
# mini-batches; with the broadcast both end at the variance of y and draw a flat line.

# %%
(
    mse_tanh_full_right,
    mse_tanh_mini_right,
    mse_tanh_full_broadcast,
    mse_tanh_mini_broadcast,
    mse_sigmoid_full_right,
    mse_sigmoid_mini_right,
    mse_sigmoid_full_broadcast,
    mse_sigmoid_mini_broadcast,
) = (float(curve[:, -1].mean()) for curve in curves.values())
flatness = {key: float(np.std(network(x))) for key, network in fitted.items()}
for key, value in flatness.items():
    print(f"{key[0]:16} {key[1]:24} standard deviation of what it predicts: {value:.3f}")
