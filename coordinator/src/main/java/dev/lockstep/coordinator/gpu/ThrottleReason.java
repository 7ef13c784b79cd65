package dev.lockstep.coordinator.gpu;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.Set;

/**
 * Why a GPU's clocks are held down against the user's will. NVML knows more reasons, which are no disturbance: that it idles, and that
 * the user set its clocks.
 */
public enum ThrottleReason {
    POWER_CAP(0x4, "power cap"),
    HARDWARE_SLOWDOWN(0x8, "hardware slowdown"),
    THERMAL(0x20, "heat"),
    HARDWARE_THERMAL(0x40, "heat, by the hardware"),
    POWER_BRAKE(0x80, "power brake");

    private final long bit;
    private final String label;

    ThrottleReason(long bit, String label) {
        this.bit = bit;
        this.label = label;
    }

    /** The name in reports. */
    public String label() {
        return label;
    }

    /** The reasons in NVML's {@code nvmlClocksThrottleReasons} bits. */
    static Set<ThrottleReason> of(long bits) {
        EnumSet<ThrottleReason> reasons = EnumSet.noneOf(ThrottleReason.class);
        Arrays.stream(values()).filter(reason -> (bits & reason.bit) != 0).forEach(reasons::add);
        return reasons;
    }
}
