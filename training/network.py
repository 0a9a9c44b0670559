"""The network of the SAM 2 family in the form that training needs.

Tensor names and shapes are those of the published checkpoints (facebookresearch/sam2,
bowang-lab/MedSAM2), so a state dict of this module is a checkpoint. The modules here work on whole
batches of clips; which slices see which memories is decided in clip.py.
"""

import math

import torch
import yaml
from torch import nn
from torch.nn import functional as F

ABSENT = -1024.0  # logit of a slice on which the object is absent


def attend(q, k, v):
    """Softmax attention over the last two axes; plain products are quicker than the fused kernel
    on CPUs at these sizes."""
    weights = torch.softmax((q @ k.transpose(-2, -1)) * (q.shape[-1] ** -0.5), dim=-1)
    return weights.to(v.dtype) @ v


def split_heads(x, heads):
    b, n, c = x.shape
    return x.view(b, n, heads, c // heads).transpose(1, 2)


def join_heads(x):
    b, h, n, c = x.shape
    return x.transpose(1, 2).reshape(b, n, h * c)


class ChannelNorm(nn.LayerNorm):
    """LayerNorm over the channels of an image, eps 1e-6."""

    def __init__(self, channels):
        super().__init__(channels, eps=1e-6)

    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Mlp(nn.Module):
    """Linear layers with a non-linearity between them."""

    def __init__(self, widths, activation=F.relu):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))
        self.activation = activation

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        return self.layers[-1](x)


# ------------------------------------------------------------------------------------------------
# image encoder


class HieraAttention(nn.Module):
    def __init__(self, width_in, width, heads, pool):
        super().__init__()
        self.qkv = nn.Linear(width_in, 3 * width)
        self.proj = nn.Linear(width, width)
        self.heads, self.pool = heads, pool

    def forward(self, x):
        """x is (windows, rows, columns, channels); the side halves if the block pools."""
        b, h, w, _ = x.shape
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        if self.pool:
            q = F.max_pool2d(q.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)
        rows, columns = q.shape[1:3]
        flat = [split_heads(t.reshape(b, -1, t.shape[-1]), self.heads) for t in (q, k, v)]
        return self.proj(join_heads(attend(*flat))).view(b, rows, columns, -1)


class HieraBlock(nn.Module):
    def __init__(self, width_in, width, heads, window, pool):
        super().__init__()
        self.norm1 = nn.LayerNorm(width_in, eps=1e-6)
        self.attn = HieraAttention(width_in, width, heads, pool)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = Mlp([width, 4 * width, width], F.gelu)
        if width_in != width:
            self.proj = nn.Linear(width_in, width)
        self.window, self.pool = window, pool
        self.fit_window = False  # no windows larger than the image: only for smaller images

    def shortcut(self, x, normed):
        if not hasattr(self, "proj"):
            return x
        return F.max_pool2d(self.proj(normed).permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)

    def forward(self, x):
        normed = self.norm1(x)
        kept = self.shortcut(x, normed)
        b, h, w, c = x.shape
        side = min(self.window, h) if self.fit_window else self.window
        if side == 0:
            return self.finish(kept + self.attn(normed))
        # Padding comes after the norm and is not masked: padded tokens are ordinary keys.
        pad_h, pad_w = -h % side, -w % side
        if pad_h or pad_w:
            normed = F.pad(normed, (0, 0, 0, pad_w, 0, pad_h))
        ny, nx = (h + pad_h) // side, (w + pad_w) // side
        tiles = normed.view(b, ny, side, nx, side, c).transpose(2, 3)
        out = self.attn(tiles.reshape(b * ny * nx, side, side, c))
        side = out.shape[1]
        out = out.view(b, ny, nx, side, side, -1).transpose(2, 3)
        out = out.reshape(b, ny * side, nx * side, -1)[:, : kept.shape[1], : kept.shape[2]]
        return self.finish(kept + out)

    def finish(self, x):
        return x + self.mlp(self.norm2(x))


class PatchEmbed(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.proj = nn.Conv2d(3, width, 7, stride=4, padding=3)

    def forward(self, x):
        return self.proj(x).permute(0, 2, 3, 1)


class Hiera(nn.Module):
    def __init__(
        self,
        embed_dim,
        num_heads,
        stages,
        global_att_blocks,
        window_pos_embed_bkg_spatial_size=(14, 14),
        window_spec=(8, 4, 14, 7),
    ):
        super().__init__()
        self.patch_embed = PatchEmbed(embed_dim)
        self.pos_embed = nn.Parameter(torch.zeros(1, embed_dim, *window_pos_embed_bkg_spatial_size))
        self.pos_embed_window = nn.Parameter(
            torch.zeros(1, embed_dim, window_spec[0], window_spec[0])
        )
        self.blocks = nn.ModuleList()
        self.ends, width, heads, index = [], embed_dim, num_heads, 0
        for stage, count in enumerate(stages):
            for i in range(count):
                first = stage > 0 and i == 0
                # A block that changes the stage still uses the windows of the stage before.
                window = window_spec[stage - 1] if first else window_spec[stage]
                window = 0 if index in global_att_blocks else window
                out, heads = (2 * width, 2 * heads) if first else (width, heads)
                self.blocks.append(HieraBlock(width, out, heads, window, first))
                width, index = out, index + 1
            self.ends.append(index - 1)

    def forward(self, x):
        x = self.patch_embed(x)
        h, w = x.shape[1:3]
        tile = self.pos_embed_window
        field = F.interpolate(self.pos_embed, size=(h, w), mode="bicubic")
        field = field + tile.repeat(1, 1, h // tile.shape[2], w // tile.shape[3])
        x = x + field.permute(0, 2, 3, 1)
        levels = []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in self.ends:
                levels.append(x.permute(0, 3, 1, 2))
        return levels


class Lateral(nn.Module):
    def __init__(self, width_in, width):
        super().__init__()
        self.conv = nn.Conv2d(width_in, width, 1)

    def forward(self, x):
        return self.conv(x)


class Neck(nn.Module):
    def __init__(self, d_model, backbone_channel_list, top_down):
        super().__init__()
        self.convs = nn.ModuleList(Lateral(c, d_model) for c in backbone_channel_list)
        self.top_down = top_down

    def forward(self, levels):
        last, out = len(levels) - 1, [None] * len(levels)
        above = None
        for i in range(last, -1, -1):
            here = self.convs[last - i](levels[i])
            if i in self.top_down and above is not None:
                here = here + F.interpolate(above.float(), scale_factor=2.0, mode="nearest")
            out[i] = above = here
        return out


class ImageEncoder(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        trunk, neck = dict(cfg["trunk"]), cfg["neck"]
        trunk.pop("_target_", None)
        self.trunk = Hiera(**trunk)
        self.neck = Neck(
            neck["d_model"], neck["backbone_channel_list"], neck["fpn_top_down_levels"]
        )
        self.scalp = cfg["scalp"]

    def forward(self, x):
        levels = self.neck(self.trunk(x))
        return levels[: len(levels) - self.scalp]


# ------------------------------------------------------------------------------------------------
# positions


def sine_position(channels, side):
    """Interleaved sine and cosine of y (first half of the channels) and x, C x side x side."""
    n = channels // 2
    along = torch.arange(1, side + 1, dtype=torch.float32) / (side + 1e-6) * 2 * math.pi
    scale = 10000.0 ** (2 * (torch.arange(n) // 2) / n)
    angle = along[:, None] / scale
    code = torch.where(torch.arange(n) % 2 == 0, angle.sin(), angle.cos()).t()
    return torch.cat(
        [code[:, :, None].expand(n, side, side), code[:, None, :].expand(n, side, side)]
    )


def rope_table(width, side):
    """Cosine and sine per token and channel pair: the first half of the pairs turns with x."""
    omega = 10000.0 ** (-torch.arange(0, width, 4, dtype=torch.float32) / width)
    token = torch.arange(side * side)
    angle = torch.cat([(token % side)[:, None] * omega, (token // side)[:, None] * omega], dim=1)
    return angle.cos(), angle.sin()


def rotate(x, table, repeat=1):
    """Turns neighbouring channels of the first `repeat` image-sized runs of tokens."""
    cos, sin = (t.repeat(repeat, 1) for t in table)
    n = cos.shape[0]
    a, b = x[:, :n, 0::2].float(), x[:, :n, 1::2].float()
    turned = torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2).to(x.dtype)
    return turned if n == x.shape[1] else torch.cat([turned, x[:, n:]], dim=1)


def time_code(values, width):
    """Sines, then cosines, of the given numbers."""
    half = width // 2
    scale = 10000.0 ** (2 * (torch.arange(half, device=values.device) // 2) / half)
    angle = values[:, None] / scale
    return torch.cat([angle.sin(), angle.cos()], dim=1)


# ------------------------------------------------------------------------------------------------
# prompts and masks


class FourierCode(nn.Module):
    def __init__(self, half):
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", torch.randn(2, half))

    def forward(self, unit):
        g = (2 * unit - 1) @ self.positional_encoding_gaussian_matrix * (2 * math.pi)
        return torch.cat([g.sin(), g.cos()], dim=-1)


class PromptEncoder(nn.Module):
    def __init__(self, width, image_size):
        super().__init__()
        self.pe_layer = FourierCode(width // 2)
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, width) for _ in range(4))
        self.not_a_point_embed = nn.Embedding(1, width)
        self.no_mask_embed = nn.Embedding(1, width)
        self.mask_downscaling = nn.Sequential(
            nn.Conv2d(1, 4, 2, stride=2),
            ChannelNorm(4),
            nn.GELU(),
            nn.Conv2d(4, 16, 2, stride=2),
            ChannelNorm(16),
            nn.GELU(),
            nn.Conv2d(16, width, 1),
        )
        self.image_size, self.grid = image_size, image_size // 16

    def points(self, xy, labels):
        """xy (B, N, 2) in pixels of the network's image, labels (B, N): -1 none, 0 negative,
        1 positive, 2 and 3 corners of a box. One padding point is appended."""
        xy = torch.cat([xy + 0.5, xy.new_zeros(xy.shape[0], 1, 2)], dim=1) / self.image_size
        labels = torch.cat([labels, labels.new_full((labels.shape[0], 1), -1)], dim=1)
        table = torch.cat(
            [self.not_a_point_embed.weight] + [e.weight for e in self.point_embeddings]
        )
        return self.pe_layer(xy) * (labels >= 0)[..., None] + table[labels + 1]

    def dense(self, mask, batch):
        if mask is None:
            return self.no_mask_embed.weight.view(1, -1, 1, 1).expand(
                batch, -1, self.grid, self.grid
            )
        return self.mask_downscaling(mask)

    def grid_code(self):
        at = (torch.arange(self.grid, device=self.no_mask_embed.weight.device) + 0.5) / self.grid
        y, x = torch.meshgrid(at, at, indexing="ij")
        return self.pe_layer(torch.stack([x, y], dim=-1)).flatten(0, 1)[None]


class HeadedAttention(nn.Module):
    def __init__(self, width, inner, heads=8):
        super().__init__()
        self.q_proj, self.k_proj, self.v_proj = (nn.Linear(width, inner) for _ in range(3))
        self.out_proj = nn.Linear(inner, width)
        self.heads = heads

    def forward(self, q, k, v):
        parts = [
            split_heads(t, self.heads) for t in (self.q_proj(q), self.k_proj(k), self.v_proj(v))
        ]
        return self.out_proj(join_heads(attend(*parts)))


class TwoWayLayer(nn.Module):
    def __init__(self, width, first):
        super().__init__()
        self.self_attn = HeadedAttention(width, width)
        self.cross_attn_token_to_image = HeadedAttention(width, width // 2)
        self.mlp = Mlp([width, 2048, width])
        self.cross_attn_image_to_token = HeadedAttention(width, width // 2)
        self.norm1, self.norm2, self.norm3, self.norm4 = (nn.LayerNorm(width) for _ in range(4))
        self.first = first

    def forward(self, q, k, tokens, grid):
        # The first layer's queries are the tokens themselves: neither residual nor position.
        q = self.self_attn(q, q, q) if self.first else q + self.self_attn(q + tokens, q + tokens, q)
        q = self.norm1(q)
        q = self.norm2(q + self.cross_attn_token_to_image(q + tokens, k + grid, k))
        q = self.norm3(q + self.mlp(q))
        k = self.norm4(k + self.cross_attn_image_to_token(k + grid, q + tokens, q))
        return q, k


class TwoWayTransformer(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.layers = nn.ModuleList(TwoWayLayer(width, i == 0) for i in range(2))
        self.final_attn_token_to_image = HeadedAttention(width, width // 2)
        self.norm_final_attn = nn.LayerNorm(width)

    def forward(self, k, tokens, grid):
        q = tokens
        for layer in self.layers:
            q, k = layer(q, k, tokens, grid)
        q = self.norm_final_attn(q + self.final_attn_token_to_image(q + tokens, k + grid, k))
        return q, k


class MaskDecoder(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.transformer = TwoWayTransformer(width)
        self.iou_token, self.obj_score_token = nn.Embedding(1, width), nn.Embedding(1, width)
        self.mask_tokens = nn.Embedding(4, width)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(width, width // 4, 2, stride=2),
            ChannelNorm(width // 4),
            nn.GELU(),
            nn.ConvTranspose2d(width // 4, width // 8, 2, stride=2),
        )
        self.conv_s0 = nn.Conv2d(width, width // 8, 1)
        self.conv_s1 = nn.Conv2d(width, width // 4, 1)
        self.output_hypernetworks_mlps = nn.ModuleList(
            Mlp([width, width, width, width // 8]) for _ in range(4)
        )
        self.iou_prediction_head = Mlp([width, 256, 256, 4])  # 256 for every width, as published
        self.pred_obj_score_head = Mlp([width, width, width, 1])

    def forward(self, image, s0, s1, sparse, dense, grid):
        """Low-resolution logits (B, 4, 4G, 4G), ious (B, 4), mask tokens (B, 4, C), score (B)."""
        b, c, h, w = image.shape
        own = torch.cat(
            [self.obj_score_token.weight, self.iou_token.weight, self.mask_tokens.weight]
        )
        tokens = torch.cat([own.expand(b, -1, -1), sparse], dim=1)
        q, k = self.transformer((image + dense).flatten(2).transpose(1, 2), tokens, grid)
        up1, norm, gelu, up2 = self.output_upscaling
        fine = gelu(norm(up1(k.transpose(1, 2).reshape(b, c, h, w)) + s1))
        fine = gelu(up2(fine) + s0)
        hyper = torch.stack(
            [m(q[:, 2 + i]) for i, m in enumerate(self.output_hypernetworks_mlps)], 1
        )
        masks = (hyper.to(fine.dtype) @ fine.flatten(2)).view(b, 4, *fine.shape[2:])
        ious = torch.sigmoid(self.iou_prediction_head(q[:, 1]).float())
        return masks.float(), ious, q[:, 2:6], self.pred_obj_score_head(q[:, 0])[:, 0].float()


# ------------------------------------------------------------------------------------------------
# memory


class MemoryProjections(nn.Module):
    """One head of the full width; queries and keys are turned by their place in the image."""

    def __init__(self, width, key_width):
        super().__init__()
        self.q_proj, self.out_proj = nn.Linear(width, width), nn.Linear(width, width)
        self.k_proj, self.v_proj = nn.Linear(key_width, width), nn.Linear(key_width, width)

    def forward(self, q, k, v, table, images=1):
        q = rotate(self.q_proj(q), table)
        k = rotate(self.k_proj(k), table, images)
        return self.out_proj(attend(q, k, self.v_proj(v)))


class MemoryLayer(nn.Module):
    def __init__(self, width, key_width, hidden):
        super().__init__()
        self.self_attn = MemoryProjections(width, width)
        self.cross_attn_image = MemoryProjections(width, key_width)
        self.linear1, self.linear2 = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))

    def forward(self, x, memory, positions, table, images):
        n = self.norm1(x)
        x = x + self.self_attn(n, n, n, table)
        x = x + self.cross_attn_image(self.norm2(x), memory + positions, memory, table, images)
        return x + self.linear2(F.relu(self.linear1(self.norm3(x))))


class MemoryAttention(nn.Module):
    def __init__(self, width, key_width, hidden, count):
        super().__init__()
        self.layers = nn.ModuleList(MemoryLayer(width, key_width, hidden) for _ in range(count))
        self.norm = nn.LayerNorm(width)


class MaskDownsampler(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.encoder, channels = nn.Sequential(), [1, 4, 16, 64, 256]
        for a, b in zip(channels, channels[1:]):
            self.encoder.extend(
                [nn.Conv2d(a, b, 3, stride=2, padding=1), ChannelNorm(b), nn.GELU()]
            )
        self.encoder.append(nn.Conv2d(256, width, 1))

    def forward(self, x):
        return self.encoder(x)


class FuserBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.gamma = nn.Parameter(torch.full((width,), 0.1))
        self.dwconv = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = ChannelNorm(width)
        self.pwconv1, self.pwconv2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        y = self.norm(self.dwconv(x)).permute(0, 2, 3, 1)
        y = self.gamma * self.pwconv2(F.gelu(self.pwconv1(y)))
        return x + y.permute(0, 3, 1, 2)


class Fuser(nn.Module):
    def __init__(self, width, count):
        super().__init__()
        self.layers = nn.ModuleList(FuserBlock(width) for _ in range(count))


class MemoryEncoder(nn.Module):
    def __init__(self, width, out, blocks):
        super().__init__()
        self.mask_downsampler = MaskDownsampler(width)
        self.pix_feat_proj = nn.Conv2d(width, width, 1)
        self.fuser = Fuser(width, blocks)
        self.out_proj = nn.Conv2d(width, out, 1)

    def forward(self, image, mask):
        x = self.pix_feat_proj(image) + self.mask_downsampler(mask)
        for layer in self.fuser.layers:
            x = layer(x)
        return self.out_proj(x)


# ------------------------------------------------------------------------------------------------


class Network(nn.Module):
    def __init__(self, model):
        """model: the mapping under `model` of a skeleton YAML."""
        super().__init__()
        attention, encoder = model["memory_attention"], model["memory_encoder"]
        width, memory = attention["d_model"], encoder["out_dim"]
        self.width, self.memory_width = width, memory
        self.own_side = model["image_size"]
        self.slots, self.pointer_parts = model["num_maskmem"], width // memory
        self.mask_scale = model["sigmoid_scale_for_mem_enc"]
        self.mask_bias = model["sigmoid_bias_for_mem_enc"]
        self.image_encoder = ImageEncoder(model["image_encoder"])
        self.memory_attention = MemoryAttention(
            width, memory, attention["layer"]["dim_feedforward"], attention["num_layers"]
        )
        self.memory_encoder = MemoryEncoder(width, memory, encoder["fuser"]["num_layers"])
        self.sam_prompt_encoder = PromptEncoder(width, self.own_side)
        self.sam_mask_decoder = MaskDecoder(width)
        self.maskmem_tpos_enc = nn.Parameter(torch.zeros(self.slots, 1, 1, memory))
        self.no_mem_embed = nn.Parameter(torch.zeros(1, 1, width))
        self.no_mem_pos_enc = nn.Parameter(torch.zeros(1, 1, width))  # in the files, never used
        self.no_obj_ptr = nn.Parameter(torch.zeros(1, width))
        self.no_obj_embed_spatial = nn.Parameter(torch.zeros(1, memory))
        self.mask_downsample = nn.Conv2d(1, 1, 4, stride=4)
        self.obj_ptr_proj = Mlp([width, width, width, width])
        self.obj_ptr_tpos_proj = nn.Linear(width, memory)
        self.set_side(model["image_size"])

    def set_side(self, side):
        """Works on images of this size from now on; no weight's shape depends on it."""
        self.image_size, self.grid = side, side // 16
        self.sam_prompt_encoder.image_size, self.sam_prompt_encoder.grid = side, side // 16
        tables = {
            "image_code": 0.1 * sine_position(self.width, self.grid).flatten(1).t()[None],
            "memory_code": sine_position(self.memory_width, self.grid).flatten(1).t()[None],
        }
        tables["rope_cos"], tables["rope_sin"] = rope_table(self.width, self.grid)
        for name, table in tables.items():
            device = self.no_obj_ptr.device
            self.register_buffer(name, table.contiguous().to(device), persistent=False)
        for block in self.image_encoder.trunk.blocks:
            block.fit_window = side < self.own_side

    # -- one slice

    def encode(self, images):
        """Features of (N, 3, S, S) images: stride 4 and 8 for the decoder, stride 16 for all."""
        fine, middle, coarse = self.image_encoder(images)
        decoder = self.sam_mask_decoder
        return decoder.conv_s0(fine), decoder.conv_s1(middle), coarse.float()

    def decode(self, image, s0, s1, xy=None, labels=None, mask=None):
        b = image.shape[0]
        if xy is None:
            xy = image.new_zeros(b, 1, 2)
            labels = torch.full((b, 1), -1, dtype=torch.long, device=image.device)
        encoder = self.sam_prompt_encoder
        return self.sam_mask_decoder(
            image, s0, s1, encoder.points(xy, labels), encoder.dense(mask, b), encoder.grid_code()
        )

    def enlarge(self, low, side=None):
        side = side or self.image_size
        return F.interpolate(low, size=(side, side), mode="bilinear", align_corners=False)

    def pointer(self, token, present):
        found = self.obj_ptr_proj(token).float()
        return torch.where(present[:, None], found, self.no_obj_ptr.expand_as(found))

    def remember(self, image, low, present, binary):
        """The memory of a slice from its logits (N, 1, 4G, 4G)."""
        high = self.enlarge(low)
        value = (high > 0).float() if binary else torch.sigmoid(high)
        memory = self.memory_encoder(image, value * self.mask_scale + self.mask_bias).float()
        absent = (~present).float()[:, None, None, None]
        return memory + absent * self.no_obj_embed_spatial[:, :, None, None]

    # -- memories of other slices

    def recall(self, image, memories, pointers, span):
        """image (B, C, G, G); memories: list of (memory, slot); pointers: list of (pointer,
        distance); span: number of slices that the time code counts, at least 2."""
        b, c, g, _ = image.shape
        values = [m.flatten(2).transpose(1, 2) for m, _ in memories]
        codes = [
            self.memory_code + self.maskmem_tpos_enc[slot].view(1, 1, -1) for _, slot in memories
        ]
        codes = [code.expand(b, -1, -1) for code in codes]
        if pointers:
            distance = torch.tensor(
                [d for _, d in pointers], dtype=torch.float32, device=image.device
            )
            code = self.obj_ptr_tpos_proj(time_code(distance / (span - 1), c)).float()
            code = code.repeat_interleave(self.pointer_parts, dim=0)
            values.append(torch.stack([p for p, _ in pointers], 1).view(b, -1, self.memory_width))
            codes.append(code.expand(b, -1, -1))
        values, codes = torch.cat(values, dim=1), torch.cat(codes, dim=1)
        x = image.flatten(2).transpose(1, 2) + self.image_code
        table = (self.rope_cos, self.rope_sin)
        for layer in self.memory_attention.layers:
            x = layer(x, values, codes, table, len(memories))
        return self.memory_attention.norm(x).float().transpose(1, 2).reshape(b, c, g, g)

    def first_sight(self, image):
        return image + self.no_mem_embed.view(1, -1, 1, 1)


def initialise(net):
    """Weights to train from. Everything not named here keeps PyTorch's own start."""
    trunk = net.image_encoder.trunk
    for module in trunk.modules():
        if isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=module.in_features**-0.5)
            nn.init.zeros_(module.bias)
    embeddings = (trunk.pos_embed, trunk.pos_embed_window, net.maskmem_tpos_enc, net.no_mem_embed)
    for p in embeddings + (net.no_mem_pos_enc, net.no_obj_ptr, net.no_obj_embed_spatial):
        nn.init.trunc_normal_(p, std=0.02)
    for module in net.modules():
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.3)
    with torch.no_grad():
        for block in trunk.blocks:
            block.attn.proj.weight.mul_(0.5)
            block.mlp.layers[1].weight.mul_(0.5)
        start_with_little_mask(net.sam_mask_decoder)
        look_at_the_same_place(net)


def start_with_little_mask(decoder, logit=-2.0):
    """Logits near -2 everywhere. From 0, the focal loss of the background first drives all logits
    so far down that a hundred steps go by until objects come back."""
    channels = decoder.conv_s0.out_channels
    decoder.conv_s0.bias.fill_(1.0)
    for mlp in decoder.output_hypernetworks_mlps:
        mlp.layers[-1].weight.mul_(0.5)
        mlp.layers[-1].bias.fill_(logit / (channels * F.gelu(torch.tensor(1.0)).item()))


def look_at_the_same_place(net):
    """Attention that starts local: prompts look at the image where they point, and a slice at its
    memory at the same place. Learning that from nothing takes most of a short training."""
    # The codes of places must not drown in the features they are added to.
    for conv in net.image_encoder.neck.convs:
        conv.conv.weight.mul_(0.3)
    # Equal projections make a query agree with keys that have its Fourier code.
    transformer = net.sam_mask_decoder.transformer
    crossing = [transformer.final_attn_token_to_image]
    for layer in transformer.layers:
        crossing += [layer.cross_attn_token_to_image, layer.cross_attn_image_to_token]
    for attention in crossing:
        attention.q_proj.weight.mul_(2.5)
        attention.k_proj.weight.copy_(attention.q_proj.weight)
    # Equal constants, turned by the rotary code, agree best where query and key share a cell.
    quick = torch.zeros(net.width // 2)
    quick[:8] = quick[net.width // 4 : net.width // 4 + 8] = 3.0
    for layer in net.memory_attention.layers:
        for linear in (layer.cross_attn_image.q_proj, layer.cross_attn_image.k_proj):
            linear.weight.mul_(0.5)
            linear.bias.copy_(quick.repeat_interleave(2))


def read_skeleton(path):
    with open(path, encoding="utf-8") as stream:
        return yaml.safe_load(stream)


def build(path):
    return Network(read_skeleton(path)["model"])


MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
DEVIATION = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


def normalise(grey):
    """Bytes (N, S, S) to the network's images (N, 3, S, S)."""
    x = grey.float()[:, None] / 255.0
    return (x - MEAN.to(x.device)) / DEVIATION.to(x.device)
