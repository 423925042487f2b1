# %% [markdown]
# # 서포트 벡터 머신으로 숫자 읽기
#
# RBF 커널을 쓰는 SVM은 작은 그림에서 지금도 강한 기준 모델입니다. 이 노트북에서는
#
# 1. `gamma` 와 `C` 를 학습 데이터 안에서만 고르고,
# 2. 어떤 숫자를 서로 헷갈리는지 살펴본 다음,
# 3. 제출 파일을 만듭니다.

# %%
import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.svm import SVC

# %% [markdown]
# ## 설정

# %% tags=["parameters"]
SEED = 11
C_VALUES = [1, 10]
GAMMA_VALUES = [0.02, 0.05, 0.1]

# %% [markdown]
# ## 데이터
# 픽셀 값은 0 … 16 입니다. 16으로 나누어 0 … 1 로 맞추면 `gamma` 를 다른 데이터와 비교하기 쉽습니다.

# %%
train = pd.read_csv("../input/digits/train.csv")
test = pd.read_csv("../input/digits/test.csv")
X = train.drop(columns=["id", "label"]).to_numpy() / 16
X_test = test.drop(columns="id").to_numpy() / 16
y = train["label"].to_numpy()
print(X.shape, X_test.shape)

# %% [markdown]
# ## 하이퍼파라미터 고르기
# 폴드마다 새로 학습하고, 학습에 쓰지 않은 행만 채점합니다(out-of-fold). 조합마다 정확도 하나가 나옵니다.

# %%
cv = StratifiedKFold(3, shuffle=True, random_state=SEED)
results = {}
for C in C_VALUES:
    for gamma in GAMMA_VALUES:
        oof = cross_val_predict(SVC(C=C, gamma=gamma), X, y, cv=cv)
        results[C, gamma] = (oof == y).mean()
        print(f"C={C:<3} gamma={gamma:<5} 정확도 {results[C, gamma]:.4f}")
best_c, best_gamma = max(results, key=results.get)

# %% [markdown]
# ## 무엇을 헷갈리나
# 혼동 행렬에서 대각선이 아닌 칸 중 큰 것부터 봅니다. 모델보다 데이터를 먼저 의심하게 해 주는 표입니다.

# %%
oof = cross_val_predict(SVC(C=best_c, gamma=best_gamma), X, y, cv=cv)
wrong = confusion_matrix(y, oof)
np.fill_diagonal(wrong, 0)
for flat in np.argsort(-wrong, axis=None)[:5]:
    truth, guess = divmod(int(flat), len(wrong))
    print(f"{truth} 을(를) {guess} (으)로 읽음: {wrong[truth, guess]}번")

# %% [markdown]
# ## 제출
# 고른 값으로 학습 데이터 전체를 다시 학습합니다.

# %%
model = SVC(C=best_c, gamma=best_gamma).fit(X, y)
print(f"C={best_c}, gamma={best_gamma}: 서포트 벡터 {model.n_support_.sum()}개 / {len(X)}행")
pd.DataFrame({"id": test["id"], "label": model.predict(X_test)}).to_csv("svm.csv", index=False)
