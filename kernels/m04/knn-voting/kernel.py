# %% [markdown]
# # Nearest neighbours, and how they vote
#
# Source: Deep learning from theory to practice, k nearest neighbours
#
# k nearest neighbours look at the k training points next to a new point and let them vote. Which k? With
# a small one, a single outlier decides; with a large one, the crowd far away outvotes the few that are
# really near. The lecture's answer is **inverted-index voting**: the neighbour of rank r votes with 1/r.

# %%
import gzip
from fractions import Fraction
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from matplotlib.colors import ListedColormap
from scipy import ndimage

# %% tags=["parameters"]
DATA = "mnist"
ROWS = 0
TEST_ROWS = 10000
CV_ROWS = 10000
GRID = 160
SEED = 0

# %% [markdown]
# ## The worked example
# Eleven neighbours of one new point, nearest first. Red has the ranks 1, 2, 3, 4, 6; the others are
# green.

# %%
RED, GREEN = 0, 1
NAMES = ("red", "green")
neighbours = np.array([RED if rank in (1, 2, 3, 4, 6) else GREEN for rank in range(1, 12)])


def score(colour, k):
    """The sum of 1/r over the ranks r ≤ k that have this colour, exactly."""
    ranks = [r for r in range(1, k + 1) if neighbours[r - 1] == colour]
    return sum((Fraction(1, r) for r in ranks), Fraction(0))


red, green_7, green_11 = score(RED, 7), score(GREEN, 7), score(GREEN, 11)
print(f"red, k = 7 and 11: {red} = {float(red):.3f}")
print(f"green, k = 7:  {green_7} = {float(green_7):.3f}   (the lecture prints 1/5)")
print(f"green, k = 11: {green_11} = {float(green_11):.3f}   (the lecture prints 0.645)")

# %% [markdown]
# Two misprints, both a forgotten summand: 1/5 leaves out rank 7, and 0.645 leaves out rank 8.

# %%
green_7_misprinted = float(green_7 - Fraction(1, 7))
green_11_misprinted = float(green_11 - Fraction(1, 8))
print(f"without 1/7: {green_7_misprinted:.3f}; without 1/8: {green_11_misprinted:.3f}")

# %% [markdown]
# ## The vote
# Plain: every neighbour has weight 1. Inverted: weight 1/r. The label with the largest sum wins; of equal
# sums the smaller label wins, which is a rule, not a reason. We come back to such ties below.


# %%
def sums(labels, k, classes, inverted):
    """What each class gets. labels: (n, at least k), nearest first; returns (n, classes)."""
    ranks = tf.range(1, k + 1, dtype=tf.float64)
    weights = 1 / ranks if inverted else tf.ones_like(ranks)
    return tf.einsum("nkc,k->nc", tf.one_hot(labels[:, :k], classes, dtype=tf.float64), weights)


def vote(labels, k, classes, inverted=False):
    return tf.argmax(sums(labels, k, classes, inverted), axis=1).numpy()


votes = [
    NAMES[vote(neighbours[None], k, 2, inverted)[0]] for inverted in (False, True) for k in (7, 11)
]
print("plain k = 7, plain k = 11, inverted k = 7, inverted k = 11:", votes)

# %% [markdown]
# **That flip is the point.** From k = 7 to k = 11 the plain vote changes from red to green, though the
# four nearest are all red; the inverted vote stays.
#
# One consequence the lecture does not mention: 1/2 + 1/3 < 1, so for k ≤ 3 the nearest neighbour can
# never be outvoted. Inverted voting with k = 1, 2, 3 *is* the nearest neighbour; it begins at k = 4.

# %%
every = np.array(np.meshgrid(*[[0, 1]] * 4)).reshape(4, -1).T
for k in (1, 2, 3, 4):
    same = (vote(every, k, 2, inverted=True) == every[:, 0]).mean()
    print(f"k = {k}: in {same:.0%} of all colourings the nearest neighbour decides")

# %% [markdown]
# ## Finding neighbours
# |q − t|² = |q|² − 2 q·t + |t|², so one matrix product gives all distances. `top_k` returns the smallest
# ones, and of equal ones the earlier row: the whole method has no randomness at all.


# %%
@tf.function(reduce_retracing=True)
def nearest_block(query, train, k):
    squares = tf.reduce_sum(train**2, axis=1) - 2 * tf.matmul(query, train, transpose_b=True)
    return tf.math.top_k(-squares, k).indices  # |q|² is the same for all, so it may be left out


def nearest(train, query, k, block=500):
    """Row numbers of the k nearest training rows, nearest first, (queries, k)."""
    train, query = tf.constant(train, tf.float32), tf.constant(query, tf.float32)
    k = tf.constant(k)
    return np.concatenate(
        [nearest_block(query[i : i + block], train, k).numpy() for i in range(0, len(query), block)]
    )


# %% [markdown]
# ## Decision boundaries
# Reds on the left, four times as many greens on the right, and, inside the green land, a tight group of
# just five reds: the worked example as a picture. Two things to watch, and they pull in opposite
# directions:
#
# - the *islands* around single stray points, which a good k should remove;
# - the *group of five*, which is real. Five reds can never win a plain vote of eleven.


# %%
def crowd(seed):
    """40 and 5 red and 160 green points in the plane, and their labels."""
    random = np.random.default_rng(seed)
    reds = random.normal((-0.6, 0), 0.55, (40, 2))
    five = random.normal(GROUP, 0.08, (5, 2))
    greens = random.normal((0.8, 0), 0.8, (160, 2))
    return np.vstack([reds, five, greens]), np.repeat([RED, GREEN], (45, 160))


GROUP = (1.5, 0.6)
points, colours = crowd(SEED)
low, high = points.min(axis=0) - 0.3, points.max(axis=0) + 0.3
across, up = np.meshgrid(*(np.linspace(a, b, GRID) for a, b in zip(low, high, strict=True)))
pixels = np.column_stack([across.ravel(), up.ravel()])
found = colours[nearest(points, pixels, 11)]
near_group = np.linalg.norm(pixels - GROUP, axis=1).reshape(GRID, GRID) < 0.15

# %%
BOUNDARY_KS = (1, 7, 11)
regions, group_share = {}, {}
figure, axes = plt.subplots(2, 3, figsize=(11, 7), sharex=True, sharey=True)
for row, inverted in zip(axes, (False, True), strict=True):
    for axis, k in zip(row, BOUNDARY_KS, strict=True):
        land = vote(found, k, 2, inverted).reshape(GRID, GRID)
        name = f"{'inverted' if inverted else 'plain'}, k = {k}"
        regions[name] = sum(ndimage.label(land == colour)[1] for colour in (RED, GREEN))
        group_share[name] = float((land == RED)[near_group].mean())
        axis.contourf(across, up, land, levels=1, colors=["lightpink", "palegreen"])
        axis.scatter(*points.T, c=colours, s=8, cmap=ListedColormap(["darkred", "darkgreen"]))
        axis.set_title(f"{name}: {regions[name]} regions")
plt.tight_layout()
plt.show()
for name, count in regions.items():
    print(f"{name:18} regions {count:2d}, of the group's ground {group_share[name]:4.0%} is red")

# %% [markdown]
# The plain vote with k = 11 clears the islands *and* the group. The inverted vote keeps the group, and
# with it most of the islands: it cannot know which of them is real. It is a compromise between the
# nearest neighbour and the crowd, not a cure for outliers.

# %% [markdown]
# ## Ties
# With two colours and an even k the plain vote can be a draw, and what happens then is arbitrary. The
# inverted vote of two colours can *never* be a draw. Put all 1/r over their common denominator: among
# the ranks 1 … k one alone has the highest power of two, so its numerator alone is odd. A sum ± 1 ± 1/2
# ± … ± 1/k therefore has an odd numerator, and is not 0. (With three classes there are draws again:
# 1 = 1/2 + 1/3 + 1/6.)


# %%
def share_of_ties(labels, k, classes, inverted):
    """How often the two largest sums are equal (up to rounding)."""
    best = tf.math.top_k(sums(labels, k, classes, inverted), 2).values.numpy()
    return float((best[:, 0] - best[:, 1] < 1e-9).mean())


for k in (1, 2, 4, 6, 7, 8, 10, 11):
    plain, inverse = (share_of_ties(found, k, 2, inverted) for inverted in (False, True))
    print(f"k = {k:2d}: plain {plain:6.2%} of the picture undecided, inverted {inverse:.2%}")

# %% [markdown]
# ## Which k, on real digits?
# Two ways: the rule of thumb k = √n, or cross-validation on the training rows. The test rows are looked
# at once, after that.


# %%
def read_idx(path):
    """The array of an idx file: four bytes of type and rank, the shape, then the bytes."""
    raw = gzip.decompress(Path(path).read_bytes())
    shape = np.frombuffer(raw, ">i4", count=raw[3], offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)


def load(name):
    """Training and test pictures as flat rows in 0 … 1, and their labels."""
    if name == "digits":
        from sklearn.datasets import load_digits

        X, y = load_digits(return_X_y=True)
        return (X[:1400] / 16, y[:1400]), (X[1400:] / 16, y[1400:])
    parts = []
    for part in ("train", "t10k"):
        pictures = read_idx(f"../input/{name}/{part}-images-idx3-ubyte.gz")
        labels = read_idx(f"../input/{name}/{part}-labels-idx1-ubyte.gz")
        parts.append((pictures.reshape(len(pictures), -1).astype("float32") / 255, labels))
    return parts


(X, y), (X_test, y_test) = load(DATA)
X, y = X[: ROWS or None], y[: ROWS or None]
X_test, y_test = X_test[:TEST_ROWS], y_test[:TEST_ROWS]
root = round(len(y) ** 0.5)
ks = sorted({1, 2, 3, 4, 5, 7, 9, 11, 15, 21, 31, 51, 101, root})
print(f"{DATA}: {len(y)} training rows, so √n = {root}")

# %% [markdown]
# Five folds. The neighbours are found once for the largest k; every smaller k is a prefix of them.


# %%
def accuracies(labels, truth):
    """Accuracy for every k, plain and inverted: a dictionary (inverted, k) → accuracy."""
    return {
        (inverted, k): float((vote(labels, k, 10, inverted) == truth).mean())
        for inverted in (False, True)
        for k in ks
    }


subset = np.random.default_rng(SEED).permutation(len(y))[:CV_ROWS]
folds = np.array_split(subset, 5)
per_fold = []
for fold in folds:
    rest = np.setdiff1d(subset, fold)
    per_fold.append(accuracies(y[rest[nearest(X[rest], X[fold], ks[-1])]], y[fold]))
cv = {key: np.mean([one[key] for one in per_fold]) for key in per_fold[0]}
best_k_plain = max(ks, key=lambda k: cv[False, k])
best_k_inverted = max(ks, key=lambda k: cv[True, k])
print(f"on {len(subset)} rows: plain k = {best_k_plain}, inverted k = {best_k_inverted}")

# %%
test_found = y[nearest(X, X_test, ks[-1])]
test = accuracies(test_found, y_test)
print("   k  CV plain  CV inverted  test plain  test inverted")
for k in ks:
    row = (cv[False, k], cv[True, k], test[False, k], test[True, k])
    print("{:4d}  {:.4f}    {:.4f}       {:.4f}      {:.4f}".format(k, *row))
for inverted, name in ((False, "plain"), (True, "inverted")):
    plt.plot(ks, [test[inverted, k] for k in ks], marker=".", label=name)
plt.axvline(root, color="silver")
plt.xlabel("k (line: √n)")
plt.title("test accuracy")
plt.legend()
plt.show()

# %% [markdown]
# ## What it comes to
# The rule of thumb asks for far too many neighbours here, and the plain vote pays for it. The inverted
# vote pays much less: it forgives a badly chosen k. With k from cross-validation the two come close. Both
# vote on the same pictures, so only those count on which one is right and the other wrong; from them we
# get the interval of the difference.

# %%
test_plain_root, test_inverted_root = test[False, root], test[True, root]
test_plain_cv, test_inverted_cv = test[False, best_k_plain], test[True, best_k_inverted]
print(f"k = √n = {root}: plain {test_plain_root:.4f}, inverted {test_inverted_root:.4f}")
print(f"k by cross-validation: plain {test_plain_cv:.4f}, inverted {test_inverted_cv:.4f}")
plain_right = vote(test_found, best_k_plain, 10) == y_test
inverted_right = vote(test_found, best_k_inverted, 10, inverted=True) == y_test
gain = inverted_right.astype(float) - plain_right
difference, half_width = gain.mean(), 1.96 * gain.std() / np.sqrt(len(gain))
print(f"only inverted right: {(gain > 0).sum()}, only plain right: {(gain < 0).sum()}")
print(f"inverted − plain, k by cross-validation: {difference:+.4f} ± {half_width:.4f}")
red, green_7, green_11 = float(red), float(green_7), float(green_11)
parameters = 0  # nothing is fitted: the training rows are the model
