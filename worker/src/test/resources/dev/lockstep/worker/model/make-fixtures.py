"""Writes the fixtures of the structure test from torchvision: run with any PyTorch >= 1.13 and torchvision >= 0.14."""
import hashlib, json, sys
import torch, torchvision
def lines(items): return ["%s %s" % (n, ",".join(map(str, t.shape))) for n, t in items]
def digest(ls): return hashlib.sha256("".join(l + "\n" for l in ls).encode()).hexdigest()
out = {}
for v in range(8):
    name = "efficientnet_b%d" % v
    m = getattr(torchvision.models, name)(num_classes=35)
    p = lines(m.named_parameters())
    b = lines((n, t) for n, t in m.named_buffers() if not n.endswith("num_batches_tracked"))
    mb = [(n, x) for n, x in m.named_modules() if type(x).__name__ == "MBConv"]
    bn = [x for x in m.modules() if isinstance(x, torch.nn.BatchNorm2d)][0]
    out[name] = {"parameters": sum(t.numel() for t in m.parameters()), "parameterTensors": len(p), "parametersSha256": digest(p),
        "bufferTensors": len(b), "buffersSha256": digest(b), "dropout": m.classifier[0].p, "batchNormEpsilon": bn.eps, "batchNormMomentum": bn.momentum,
        "stochasticDepth": [round(x.stochastic_depth.p, 12) if x.use_res_connect else None for n, x in mb]}
    if v == 3:
        open("efficientnet_b3-parameters.txt", "w").write("".join(l + "\n" for l in p))
        open("efficientnet_b3-buffers.txt", "w").write("".join(l + "\n" for l in b))
with open("efficientnet.json", "w") as f:
    f.write("{\n" + ",\n".join('%s: %s' % (json.dumps(k), json.dumps(x)) for k, x in out.items()) + "\n}\n")
