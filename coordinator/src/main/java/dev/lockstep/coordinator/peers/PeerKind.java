package dev.lockstep.coordinator.peers;

import com.fasterxml.jackson.annotation.JsonValue;
import dev.lockstep.common.plan.Labelled;
import java.util.List;

/** PyTorch's own ways to train on one device and on several. */
public enum PeerKind implements Labelled {
    /** The bare module on one device. */
    SINGLE("torch-single", "on one device"),
    /** {@code torch.nn.DataParallel}: one process for all GPUs. */
    DATA_PARALLEL("torch-DataParallel", "DataParallel"),
    /** {@code DistributedDataParallel}: one process for each device, over NCCL on GPUs and gloo on CPUs. */
    DISTRIBUTED("torch-DistributedDataParallel", "DistributedDataParallel");

    private final String label;
    private final String title;

    PeerKind(String label, String title) {
        this.label = label;
        this.title = title;
    }

    /** Those that can do what Lockstep does on these devices: {@code DataParallel} knows GPUs alone. */
    static List<PeerKind> on(int deviceCount, boolean gpus) {
        if (deviceCount == 1) {
            return List.of(SINGLE);
        }
        return gpus ? List.of(DATA_PARALLEL, DISTRIBUTED) : List.of(DISTRIBUTED);
    }

    @Override
    @JsonValue
    public String label() {
        return label;
    }

    /** In PyTorch's words. */
    public String title() {
        return title;
    }
}
