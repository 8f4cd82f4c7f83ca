"""The variational autoencoder of one modality: of image features, or of class semantics (section 3.2)."""

from __future__ import annotations

from torch import Tensor, nn

GAIN = 0.5
"""Factor on the range of Xavier's initial weights, as in the released code."""


class Encoder(nn.Module):
    """E: a hidden layer, from which a Gaussian in the latent space is read."""

    def __init__(self, inputs: int, hidden: int, latent: int) -> None:
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU())
        self.mean = nn.Linear(hidden, latent)
        self.log_variance = nn.Linear(hidden, latent)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Map (n, inputs) to means and logarithms of variances, both (n, latent)."""
        h = self.hidden(inputs)
        return self.mean(h).to(inputs.dtype), self.log_variance(h).to(inputs.dtype)


class Autoencoder(nn.Module):
    """E and D of one modality."""

    def __init__(self, width: int, encoder_hidden: int, decoder_hidden: int, latent: int) -> None:
        super().__init__()
        self.encoder = Encoder(width, encoder_hidden, latent)
        self.decoder = nn.Sequential(nn.Linear(latent, decoder_hidden), nn.ReLU(), nn.Linear(decoder_hidden, width))
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight, GAIN)
                nn.init.zeros_(module.bias)
