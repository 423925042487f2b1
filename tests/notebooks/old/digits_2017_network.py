# %%
import numpy as np
import pandas as pd
from keras.layers.convolutional import Convolution2D
from keras.layers.core import Dense, Dropout, Flatten
from keras.models import Sequential
from keras.optimizers import RMSprop
from keras.utils import np_utils

train = pd.read_csv("../input/train.csv")
test_images = (pd.read_csv("../input/test.csv").values).astype("float32")
train_images = (train.iloc[:, 1:].values).astype("float32") / 16
labels = np_utils.to_categorical(train.iloc[:, 0].values.astype("int32"))

# %%
model = Sequential()
model.add(Dense(32, activation="relu", input_dim=64))
model.add(Dropout(0.15))
model.add(Dense(10, activation="softmax"))
model.compile(optimizer=RMSprop(lr=0.01), loss="categorical_crossentropy", metrics=["accuracy"])
history = model.fit(train_images, labels, validation_split=0.05, nb_epoch=3, batch_size=64)

# %%
predictions = model.predict_classes(test_images / 16, verbose=0)
pd.DataFrame({"ImageId": list(range(1, len(predictions) + 1)), "Label": predictions}).to_csv("DR.csv", index=False, header=True)
