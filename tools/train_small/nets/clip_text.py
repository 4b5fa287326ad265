# SPDX-License-Identifier: Apache-2.0
"""CLIP's text encoder under transformers' names (Radford et al. 2021), of any width that heads of 64 divide."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from train_small.nets.layers import attend

VOCABULARY = 49408
POSITIONS = 77


class Attention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = width // 64
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.out_proj(attend(self.q_proj(x), self.k_proj(x), self.v_proj(x), self.heads, causal=True))


class Mlp(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        h = self.fc1(x)
        return self.fc2(h * torch.sigmoid(1.702 * h))


class Layer(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.self_attn = Attention(width)
        self.layer_norm1 = nn.LayerNorm(width)
        self.mlp = Mlp(width, hidden)
        self.layer_norm2 = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.self_attn(self.layer_norm1(x))
        return x + self.mlp(self.layer_norm2(x))


class Embeddings(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(VOCABULARY, width)
        self.position_embedding = nn.Embedding(POSITIONS, width)
        # A word that no caption holds keeps this embedding: nothing. So unknown words change next to nothing.
        nn.init.zeros_(self.token_embedding.weight)
        nn.init.normal_(self.position_embedding.weight, std=0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.token_embedding(tokens) + self.position_embedding.weight


class Encoder(nn.Module):
    def __init__(self, width: int, layers: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(width, hidden) for _ in range(layers))


class TextModel(nn.Module):
    def __init__(self, width: int, layers: int, hidden: int) -> None:
        super().__init__()
        self.embeddings = Embeddings(width)
        self.encoder = Encoder(width, layers, hidden)
        self.final_layer_norm = nn.LayerNorm(width)


class ClipText(nn.Module):
    """tokens [B, 77] -> [B, 77, width]."""

    def __init__(self, width: int, layers: int, hidden: int) -> None:
        super().__init__()
        self.text_model = TextModel(width, layers, hidden)

    def seed_tokens(self, known: list[int], generator: torch.Generator) -> None:
        """Gives the tokens that captions hold an embedding to begin with."""
        table = self.text_model.embeddings.token_embedding.weight
        with torch.no_grad():
            table[known] = torch.randn(len(known), table.shape[1], generator=generator) * 0.3

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.text_model.embeddings(tokens)
        for layer in self.text_model.encoder.layers:
            x = layer(x)
        return self.text_model.final_layer_norm(x)
