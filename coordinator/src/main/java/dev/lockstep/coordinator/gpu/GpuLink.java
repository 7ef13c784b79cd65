package dev.lockstep.coordinator.gpu;

/**
 * The way between two GPUs.
 *
 * @param peerAccess whether one can read the other's memory
 */
public record GpuLink(Kind kind, boolean peerAccess) {
    /** The best way there is; the numbers of all but NVLink are NVML's {@code nvmlGpuTopologyLevel_t}. */
    public enum Kind {
        NVLINK(-1, "nvlink"),
        SAME_BOARD(0, "same-board"),
        PCIE_SWITCH(10, "pcie-switch"),
        PCIE_SWITCHES(20, "pcie-switches"),
        PCIE_HOST_BRIDGE(30, "pcie-host-bridge"),
        SAME_NUMA_NODE(40, "same-numa-node"),
        ACROSS_NUMA_NODES(50, "across-numa-nodes"),
        UNKNOWN(-2, "unknown");

        private final int level;
        private final String label;

        Kind(int level, String label) {
            this.level = level;
            this.label = label;
        }

        /** The name in reports. */
        public String label() {
            return label;
        }

        static Kind ofLevel(int level) {
            for (Kind kind : values()) {
                if (kind.level == level) {
                    return kind;
                }
            }
            return UNKNOWN;
        }
    }
}
