# %% [markdown]
# # A line, found by gradient descent
#
# Source: Deep learning from theory to practice, linear regression
#
# A thousand points lie around the line y = 0.1 x + 0.3. Ten steps of gradient descent shall find the
# line again. The lecture prints W 0.0792, b 0.3011 and loss 0.00108 after these ten steps, but no seed
# and no starting point. So we ask two things: do we get there too, and *why is W still wrong while b is
# right?*

# %%
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

# %% tags=["parameters"]
SEED = 0
RUNS = 200
POINTS = 1000
STEPS = 10
LEARNING_RATE = 0.5

# %% [markdown]
# ## The points
# x is normal with standard deviation 0.55; the noise on y has standard deviation 0.03.

# %%
TRUE_W, TRUE_B, WIDTH, NOISE = 0.1, 0.3, 0.55, 0.03


def points(seed):
    """A thousand points around the line: x and y, each float32 of shape (POINTS,)."""
    random = np.random.default_rng(seed)
    x = random.normal(0, WIDTH, POINTS)
    y = TRUE_W * x + TRUE_B + random.normal(0, NOISE, POINTS)
    return tf.constant(x, tf.float32), tf.constant(y, tf.float32)


x, y = points(SEED)
plt.figure(figsize=(5, 3))
plt.plot(x, y, ".", markersize=2)
plt.title("1,000 points around y = 0.1 x + 0.3")
plt.show()

# %% [markdown]
# ## The model and one step
# Two variables. The slope starts somewhere between −1 and 1 (the usual way to write this example; the
# lecture does not say), the intercept at 0. `GradientTape` watches the loss and tells how it changes
# with each variable; we go against that direction.


# %%
class Line(tf.Module):
    """y = W x + b."""

    def __init__(self, start):
        super().__init__()
        self.W = tf.Variable(start, dtype=tf.float32)
        self.b = tf.Variable(0.0)

    def __call__(self, x):
        return self.W * x + self.b


def mean_square(line, x, y):
    return tf.reduce_mean(tf.square(line(x) - y))


def descend(line, x, y):
    """One step of gradient descent on all points."""
    with tf.GradientTape() as tape:
        loss = mean_square(line, x, y)
    slope_W, slope_b = tape.gradient(loss, (line.W, line.b))
    line.W.assign_sub(LEARNING_RATE * slope_W)
    line.b.assign_sub(LEARNING_RATE * slope_b)


# %% [markdown]
# ## Ten steps
# The intercept is nearly there after one step. The slope creeps.


# %%
def fit(seed, start=None, printing=False):
    """W, b and loss after STEPS steps, on the points and from the start that the seed gives."""
    x, y = points(seed)
    if start is None:
        start = np.random.default_rng([seed, 1]).uniform(-1, 1)
    line = Line(start)
    for step in range(1, STEPS + 1):
        descend(line, x, y)
        if printing:
            print(
                f"step {step:2d}  W {float(line.W):.4f}  b {float(line.b):.4f}  "
                f"loss {float(mean_square(line, x, y)):.5f}"
            )
    return float(line.W), float(line.b), float(mean_square(line, x, y))


W, b, loss = fit(SEED, printing=True)

# %% [markdown]
# ## Why W lags behind
# Around the goal the loss is a bowl. Along b its curvature is 2, so a step of 0.5 lands exactly in the
# middle: the remaining error is multiplied by 1 − 0.5 · 2 = 0. Along W the curvature is 2 E[x²] =
# 2 · 0.55², so every step leaves 1 − 0.55² = 0.6975 of the error; ten steps leave 0.027 of it. **The
# printed W is not a noisy estimate of 0.1, it is a descent that was stopped early.** From what it prints
# we can even compute where it started.

# %%
PRINTED_W, PRINTED_B, PRINTED_LOSS = 0.0792, 0.3011, 0.00108
kept = (1 - LEARNING_RATE * 2 * WIDTH**2) ** STEPS
implied_start = TRUE_W + (PRINTED_W - TRUE_W) / kept
print(f"of the first error of W, {STEPS} steps keep {kept:.4f}")
print(f"so the lecture's run started near W = {implied_start:.2f}")

# %% [markdown]
# ## Other seeds
# Each run draws new points and a new start. If the printed figures are a draw from the same lottery, they
# lie inside the spread.

# %%
runs = np.array([fit(seed) for seed in range(RUNS)])
for name, column, printed in zip(
    ("W", "b", "loss"), runs.T, (PRINTED_W, PRINTED_B, PRINTED_LOSS), strict=True
):
    low, high = np.quantile(column, (0.025, 0.975))
    place = (column < printed).mean()
    print(
        f"{name:>4}: printed {printed:.5f}, ours {column.mean():.5f} ± {column.std():.5f}, "
        f"95 % of runs in {low:.5f} … {high:.5f}, {place:.0%} of them below the printed one"
    )

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3))
left.hist(runs[:, 0], bins=20)
left.axvline(PRINTED_W, color="black")
left.set_title("W after ten steps (line: printed)")
right.hist(runs[:, 2], bins=20)
right.axvline(PRINTED_LOSS, color="black")
right.set_title("loss after ten steps (line: printed)")
plt.show()

# %% [markdown]
# ## From the lecture's own start
# Starting from the implied slope, and over all seeds, W must now come out at the printed value with only
# the noise of the points left around it.

# %%
again = np.array([fit(seed, start=implied_start) for seed in range(RUNS)])
W_again, b_again, loss_again = again.mean(axis=0)
print(f"W {W_again:.4f} ± {again[:, 0].std():.4f}   printed {PRINTED_W}")
print(f"b {b_again:.4f} ± {again[:, 1].std():.4f}   printed {PRINTED_B}")
print(f"loss {loss_again:.5f} ± {again[:, 2].std():.5f}   printed {PRINTED_LOSS}")

# %% [markdown]
# ## And the end of the road
# The least-squares line needs no steps; the descent reaches it when given some more.

# %%
design = np.stack([x, np.ones(POINTS)], axis=1)
(best_slope, best_intercept), *_ = np.linalg.lstsq(design, np.asarray(y), rcond=None)
best_loss = float(np.mean((design @ [best_slope, best_intercept] - y) ** 2))
print(f"least squares: W {best_slope:.4f}, b {best_intercept:.4f}, loss {best_loss:.5f}")
parameters = sum(int(tf.size(variable)) for variable in Line(0.0).trainable_variables)
print(f"parameters: {parameters}")
