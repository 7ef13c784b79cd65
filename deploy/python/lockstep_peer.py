#!/usr/bin/env python3
"""PyTorch's side of deploy/bin/compare-pytorch: the training step that Lockstep measures, by torch and torchvision themselves.

  lockstep_peer.py probe           says in JSON which Python, PyTorch and torchvision these are
  lockstep_peer.py measure SPEC    runs warm-up and steps as the JSON file SPEC says, and prints what was measured as one line of JSON

Progress and errors go to standard error. Exit status 0 measured, 2 wrong arguments or SPEC, 3 this PyTorch or machine lacks what SPEC
asks for, else it failed.
Needs PyTorch 1.13 or newer with its torchvision and nothing else. SPEC is what dev.lockstep.coordinator.peers.PeerSpec writes:

  peer            torch-single, torch-DataParallel or torch-DistributedDataParallel
  model, classes, imageSize, dropout, stochasticDepth (null for the model's own), memoryFormat, seed
  devices         of each chunk, as in cpu:0 or cuda:1
  cpus            of each chunk, the logical processors to run on; null for any. As many threads as processors
  chunks          samples of each device
  precision       fp32, fp32-strict, amp, amp-fp16 or amp-bf16
  optimizer       {kind: sgd|adam|adamw, learningRate, momentum, weightDecay, nesterov}
  warmupSteps, steps
  weights         safetensors with torchvision's names to start from, or null
  data            safetensors with inputs and labels, or null for a batch made up from the seed
"""
import contextlib
import ctypes
import datetime
import json
import math
import os
import re
import resource
import signal
import struct
import subprocess
import sys
import threading
import time

EXIT_USAGE, EXIT_LACKING = 2, 3
PEERS = ("torch-single", "torch-DataParallel", "torch-DistributedDataParallel")
PARAMETER_PREFIX, BUFFER_PREFIX = "param/", "buffer/"  # of a Lockstep trace, which serves as weights too
LEGACY_CUDNN = "TORCH_CUDNN_V8_API_DISABLED"
PR_SET_PDEATHSIG = 1
RENDEZVOUS_SECONDS = 300


class Lacking(Exception):
    """This PyTorch or this machine cannot do what is asked; the message is one line for the user."""


class Usage(Exception):
    """The arguments or the SPEC are wrong; the message is one line for the user."""


def log(text):
    print(text, file=sys.stderr, flush=True)


# ---------------------------------------------------------------- processes
def die_with_parent():
    """Has the kernel end this process when its parent ends, however that happens."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def settle(spec, rank):
    """Pins this process and says how many threads it may use; before torch is loaded, whose thread pools look only once."""
    cpus = spec["cpus"]
    own = None
    if cpus is not None:
        own = cpus[rank] if is_distributed(spec) else sorted({cpu for some in cpus for cpu in some})
        os.sched_setaffinity(0, own)
        os.environ["OMP_NUM_THREADS"] = str(len(own))
    # As the driver counts GPUs, and not the fastest first.
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    if is_data_parallel(spec):
        # DataParallel runs every forward pass in new threads, and PyTorch 2 keeps what cuDNN chose by thread, unless told to use cuDNN's
        # older API, as 1.13 does: it would choose anew in every step, which takes seconds.
        os.environ[LEGACY_CUDNN] = "1"
    import torch

    if own is not None:
        torch.set_num_threads(len(own))


def is_distributed(spec):
    return spec["peer"] == "torch-DistributedDataParallel"


def is_data_parallel(spec):
    return spec["peer"] == "torch-DataParallel"


def start_other_ranks(path, world, rendezvous):
    """One process for each rank but 0, which is this one. They stay until their standard input ends: see leave()."""
    children = []
    for rank in range(1, world):
        child = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), "rank", path, str(rank), rendezvous],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        threading.Thread(target=fail_with, args=(rank, child), daemon=True).start()
        children.append(child)
    return children


def fail_with(rank, child):
    """When another rank fails, so does this process: it would wait for it in vain."""
    status = child.wait()
    if status != 0:
        if status < 0:  # else it has said why itself
            log("rank %d was ended by signal %d" % (rank, -status))
        os._exit(EXIT_LACKING if status == EXIT_LACKING else 1)


def leave():
    """Ends this process without taking process groups apart, which hangs now and then in PyTorch 1.13's gloo."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


# ---------------------------------------------------------------- safetensors
def load_tensors(path):
    import torch

    types = {"F32": torch.float32, "F64": torch.float64, "I64": torch.int64}
    with open(path, "rb") as file:
        raw = bytearray(file.read())
    size = struct.unpack("<Q", raw[:8])[0]
    tensors = {}
    for name, header in json.loads(raw[8:8 + size]).items():
        if name == "__metadata__" or header["dtype"] not in types:
            continue
        start, end = header["data_offsets"]
        if end > start:
            flat = torch.frombuffer(raw[8 + size + start:8 + size + end], dtype=types[header["dtype"]])
            tensors[name] = flat.reshape(header["shape"])
    return tensors


# ---------------------------------------------------------------- what is trained
def build_model(spec):
    import torch
    import torchvision

    torch.manual_seed(spec["seed"])
    options = {} if spec["stochasticDepth"] is None else {"stochastic_depth_prob": spec["stochasticDepth"]}
    model = getattr(torchvision.models, spec["model"])(num_classes=spec["classes"], **options)
    if spec["dropout"] is not None:  # torchvision 0.14 has no option for it
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = spec["dropout"]
    if spec["weights"] is not None:
        copy_weights(model, load_tensors(spec["weights"]))
    return model.train()


def copy_weights(model, weights):
    import torch

    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if name.endswith("num_batches_tracked"):
                continue
            found = [key for key in (name, PARAMETER_PREFIX + name, BUFFER_PREFIX + name) if key in weights]
            if not found:
                raise Lacking("the weights have no tensor '%s'" % name)
            tensor.copy_(weights[found[0]])


def build_batch(spec):
    import torch

    count = sum(spec["chunks"])
    if spec["data"] is not None:
        batch = load_tensors(spec["data"])
        return batch["inputs"][:count], batch["labels"][:count]
    generator = torch.Generator().manual_seed(spec["seed"])
    size = spec["imageSize"]
    return (torch.randn(count, 3, size, size, generator=generator),
            torch.randint(spec["classes"], (count,), generator=generator))


def build_optimizer(spec, parameters):
    import torch

    chosen = spec["optimizer"]
    numbers = {"lr": chosen["learningRate"], "weight_decay": chosen["weightDecay"]}
    if chosen["kind"] == "sgd":
        return torch.optim.SGD(parameters, momentum=chosen["momentum"], nesterov=chosen["nesterov"], **numbers)
    return {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[chosen["kind"]](parameters, **numbers)


# ---------------------------------------------------------------- precision
def autocast_dtype(spec, kind):
    """The type that autocast casts to; None in full precision."""
    import torch

    return {"fp32": None, "fp32-strict": None, "amp-fp16": torch.float16, "amp-bf16": torch.bfloat16,
            "amp": torch.float16 if kind == "cuda" else torch.bfloat16}[spec["precision"]]


def autocast(kind, dtype):
    import torch

    return contextlib.nullcontext() if dtype is None else torch.autocast(kind, dtype=dtype)


def require_autocast(device, dtype):
    """Old versions warn and go on in float32 where they do not know a type: that would be a false figure."""
    import torch

    one = torch.ones(8, 8, device=device)
    try:
        with autocast(device.type, dtype):
            got = torch.mm(one, one).dtype
    except RuntimeError as e:
        raise Lacking("PyTorch %s has no autocast to %s on this device: %s" % (torch.__version__, name_of(dtype), e))
    if got != dtype:
        raise Lacking("PyTorch %s has no autocast to %s on %s" % (torch.__version__, name_of(dtype), device.type))


def name_of(dtype):
    return None if dtype is None else str(dtype).replace("torch.", "")


def build_scaler(kind, dtype):
    """GradScaler, for float16 alone. Its place moved from torch.cuda.amp to torch.amp in 2.3, which is when it learnt the CPU."""
    import torch

    if dtype != torch.float16:
        return None
    if hasattr(torch.amp, "GradScaler"):
        return torch.amp.GradScaler(kind)
    if kind == "cuda":
        return torch.cuda.amp.GradScaler()
    raise Lacking("PyTorch %s has no GradScaler for the CPU, which came with 2.3" % torch.__version__)


def set_up_cuda(spec):
    """As Lockstep has it: autotuning on, TF32 as PyTorch's defaults have it but off for fp32-strict."""
    import torch

    torch.backends.cudnn.benchmark = True
    if spec["precision"] == "fp32-strict":
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False


# ---------------------------------------------------------------- the measurement
def place_of(name):
    """Lockstep's name of a device in PyTorch's terms: cuda:1, and cpu:1 is the CPU, whose processors are chosen by pinning."""
    import torch

    number = re.match(r"cuda:(\d+)", name)
    return torch.device("cpu") if number is None else torch.device("cuda", int(number.group(1)))


def measure(spec, rank, rendezvous):
    """
    Runs one rank, which is the whole of it unless the peer is DistributedDataParallel.

    Returns what was measured, and the model, to be kept until leave(): with it goes its process group.
    """
    settle(spec, rank)
    import torch

    distributed = is_distributed(spec)
    places = [place_of(name) for name in spec["devices"]]
    device = places[rank]
    cuda = device.type == "cuda"
    if cuda and len(set(places)) < len(places):
        raise Lacking("replicas share a GPU, which neither NCCL nor DataParallel can do")
    if cuda:
        set_up_cuda(spec)
        if not torch.cuda.is_available():
            raise Lacking("PyTorch %s in %s sees no GPU" % (torch.__version__, sys.executable))
        torch.cuda.set_device(device)
    dtype = autocast_dtype(spec, device.type)
    if dtype is not None:
        require_autocast(device, dtype)
    scaler = build_scaler(device.type, dtype)
    if distributed:
        import torch.distributed as dist

        if not cuda:
            os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # else gloo asks for this host's name, which need not resolve
        dist.init_process_group(
            "nccl" if cuda else "gloo", init_method="file://" + rendezvous, rank=rank, world_size=len(places),
            timeout=datetime.timedelta(seconds=RENDEZVOUS_SECONDS))

    bare = build_model(spec)
    layout = torch.channels_last if spec["memoryFormat"] == "channels-last" else torch.contiguous_format
    bare = bare.to(device=device, memory_format=layout)
    parameters = sum(parameter.numel() for parameter in bare.parameters())
    model = bare
    if is_data_parallel(spec):
        model = torch.nn.DataParallel(bare, device_ids=[place.index for place in places])
    elif distributed:
        model = torch.nn.parallel.DistributedDataParallel(bare, device_ids=[device.index] if cuda else None)
    optimizer = build_optimizer(spec, bare.parameters())
    images, labels = build_batch(spec)
    if distributed:
        first = sum(spec["chunks"][:rank])
        own = slice(first, first + spec["chunks"][rank])
        images, labels = images[own], labels[own]
    images = images.contiguous(memory_format=layout)
    if cuda:
        images, labels = images.pin_memory(), labels.pin_memory()
    criterion = torch.nn.CrossEntropyLoss()

    def synchronize():
        if cuda:
            for place in [device] if distributed else places:
                torch.cuda.synchronize(place)

    def step():
        # DataParallel scatters from the host itself, as Lockstep does; the others copy their chunk.
        here = images.to(device, non_blocking=True) if cuda and not is_data_parallel(spec) else images
        target = labels.to(device, non_blocking=True) if cuda else labels
        optimizer.zero_grad(set_to_none=True)
        with autocast(device.type, dtype):
            loss = criterion(model(here), target)
        if scaler is None:
            loss.backward()
            optimizer.step()
        else:
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
        return loss

    samples, losses, skipped = [], [], 0
    total = spec["warmupSteps"] + spec["steps"]
    gradient_norm = None
    for number in range(total):
        if distributed and number == spec["warmupSteps"]:
            dist.barrier()
        scale = None if scaler is None else scaler.get_scale()
        synchronize()
        start = time.perf_counter()
        # Lives until the next step has its own, as in any training script: where the C library's heap ends with what a step has freed,
        # that goes back to the system and comes again page by page, which took PyTorch 1.13 on a CPU a third more time.
        loss = step()
        synchronize()
        millis = (time.perf_counter() - start) * 1e3
        losses.append(loss.item())
        if number == 0 and scaler is None:
            gradient_norm = math.sqrt(sum(p.grad.double().pow(2).sum().item() for p in bare.parameters()))
        if number == 0 and cuda:
            # cuDNN's trials take memory that no later step needs; Lockstep leaves them out too.
            for place in [device] if distributed else places:
                torch.cuda.reset_peak_memory_stats(place)
        if number >= spec["warmupSteps"]:
            samples.append(millis)
        # A skipped step is one that halved the scale, as Lockstep's own counting has it, warm-up included.
        skipped += scaler is not None and scaler.get_scale() < scale
        if rank == 0:
            log("step %d of %d: %.1f ms, loss %.4f" % (number + 1, total, millis, losses[-1]))

    memory = [peak_memory_mib(place if cuda else None) for place in ([device] if distributed or not cuda else places)]
    if distributed:
        gathered = [None] * len(places)
        dist.all_gather_object(gathered, memory)
        memory = [some for of_rank in gathered for some in of_rank]
    measured = {
        "parameters": parameters,
        "samplesMillis": samples,
        "losses": [value if math.isfinite(value) else None for value in losses],
        "firstGradientNorm": gradient_norm if gradient_norm is not None and math.isfinite(gradient_norm) else None,
        "memoryMiB": {"perDevice": memory, "kind": "peak-allocated" if cuda else "peak-resident"},
        "amp": None if dtype is None else {
            "dtype": name_of(dtype), "finalScale": None if scaler is None else scaler.get_scale(), "skippedSteps": skipped},
        "backend": None if not distributed else "nccl" if cuda else "gloo",
        "setup": {
            "threads": torch.get_num_threads(),
            "cudnnBenchmark": torch.backends.cudnn.benchmark if cuda else None,
            "cudnnLegacyApi": os.environ.get(LEGACY_CUDNN) == "1" if cuda else None,
            "tf32Convolutions": torch.backends.cudnn.allow_tf32 if cuda else None,
            "tf32MatrixProducts": torch.backends.cuda.matmul.allow_tf32 if cuda else None,
        },
    }
    return measured, model


def peak_memory_mib(device):
    """On a GPU what PyTorch had allocated at most; on the CPU what this process had resident at most, the libraries included."""
    import torch

    if device is not None:
        return torch.cuda.max_memory_allocated(device) / 2 ** 20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2 ** 10


def probe():
    import torch
    import torchvision

    if [int(number) for number in torch.__version__.split(".")[:2]] < [1, 13]:
        raise Lacking("PyTorch %s is older than 1.13" % torch.__version__)
    print(json.dumps({"executable": sys.executable, "python": sys.version.split()[0], "torch": torch.__version__,
                      "torchvision": torchvision.__version__, "cuda": torch.version.cuda}))


def run(path):
    spec = read(path)
    die_with_parent()
    rendezvous = os.path.abspath(path) + ".rendezvous"
    with contextlib.suppress(FileNotFoundError):
        os.remove(rendezvous)
    children = start_other_ranks(path, len(spec["devices"]), rendezvous) if is_distributed(spec) else []
    measured, _model = measure(spec, 0, rendezvous)
    print(json.dumps(measured), flush=True)
    for child in children:
        child.stdin.close()
        child.wait()
    leave()


def run_other_rank(path, rank, rendezvous):
    spec = read(path)
    die_with_parent()
    _measured, _model = measure(spec, rank, rendezvous)
    sys.stdin.read()  # until rank 0 is through: it may still be reading what this process sent
    leave()


def read(path):
    """The SPEC, checked as far as that needs no torch: what is wrong later is PyTorch's to say."""
    try:
        with open(path) as file:
            spec = json.load(file)
    except (OSError, ValueError) as e:
        raise Usage("cannot read %s: %s" % (path, e))
    if not isinstance(spec, dict) or spec.get("peer") not in PEERS:
        raise Usage("%s: peer must be one of %s" % (path, ", ".join(PEERS)))
    count = len(spec["chunks"])
    if count == 0 or len(spec["devices"]) != count or (spec["cpus"] is not None and len(spec["cpus"]) != count):
        raise Usage("%s: devices and cpus must be as many as chunks, of which there is at least one" % path)
    return spec


def main(arguments):
    try:
        if arguments == ["probe"]:
            probe()
        elif len(arguments) == 2 and arguments[0] == "measure":
            run(arguments[1])
        elif len(arguments) == 4 and arguments[0] == "rank":
            run_other_rank(arguments[1], int(arguments[2]), arguments[3])
        else:
            log(__doc__)
            return EXIT_USAGE
        return 0
    except Usage as e:
        log(str(e))
        return EXIT_USAGE
    except Lacking as e:
        log(str(e))
        return EXIT_LACKING


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
