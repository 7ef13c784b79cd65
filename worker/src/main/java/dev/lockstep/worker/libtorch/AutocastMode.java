package dev.lockstep.worker.libtorch;

import java.util.Arrays;
import java.util.Map;
import java.util.function.Supplier;

/**
 * libtorch's own autocast: matrix products and convolutions compute in a 16-bit type, every operator in the type that torch's lists
 * give it. It is a mode of the calling thread. The backward pass is not for it: it repeats the forward's types by itself.
 *
 * <p>The 16-bit copies of the parameters, which it keeps while it is on, are dropped on leaving: none outlives an optimizer step.
 */
public final class AutocastMode {
    static final Map<String, String> SYMBOLS = Map.of(
            "setEnabled", "_ZN2at8autocast20set_autocast_enabledEN3c1010DeviceTypeEb",
            "isEnabled", "_ZN2at8autocast19is_autocast_enabledEN3c1010DeviceTypeE",
            "type", "_ZN2at8autocast18get_autocast_dtypeEN3c1010DeviceTypeE",
            "setType", "_ZN2at8autocast18set_autocast_dtypeEN3c1010DeviceTypeENS1_10ScalarTypeE",
            "incrementNesting", "_ZN2at8autocast17increment_nestingEv",
            "decrementNesting", "_ZN2at8autocast17decrement_nestingEv",
            "clearCache", "_ZN2at8autocast11clear_cacheEv");

    private AutocastMode() {}

    /** What runs the operators, by libtorch's number. */
    public enum DeviceType {
        CPU(0),
        CUDA(1);

        private final int number;

        DeviceType(int number) {
            this.number = number;
        }
    }

    /** A 16-bit type, by libtorch's number and name. */
    public enum HalfType {
        FLOAT16(5, "float16"),
        BFLOAT16(15, "bfloat16");

        private final int number;
        private final String label;

        HalfType(int number, String label) {
            this.number = number;
            this.label = label;
        }

        /** The name in reports. */
        public String label() {
            return label;
        }
    }

    private static final class Functions {
        static {
            TorchSymbols.register(Functions.class, SYMBOLS);
        }

        private Functions() {}

        static native void setEnabled(int device, int enabled);

        // A C++ bool is one byte; the rest of the register is anything.
        static native byte isEnabled(int device);

        // A C++ ScalarType is one byte, too.
        static native byte type(int device);

        static native void setType(int device, int type);

        static native int incrementNesting();

        static native int decrementNesting();

        static native void clearCache();
    }

    /**
     * Runs an action with autocast on.
     *
     * @throws IllegalStateException if it is on already
     * @throws UnsatisfiedLinkError if this libtorch lacks one of its functions
     */
    public static <T> T with(DeviceType device, HalfType type, Supplier<T> action) {
        if (isOn(device)) {
            throw new IllegalStateException("autocast is on already");
        }
        Functions.setType(device.number, type.number);
        Functions.setEnabled(device.number, 1);
        Functions.incrementNesting();
        try {
            return action.get();
        } finally {
            if (Functions.decrementNesting() == 0) {
                Functions.clearCache();
            }
            Functions.setEnabled(device.number, 0);
        }
    }

    /** What it casts to in this thread on a device; null where it is off. */
    public static HalfType type(DeviceType device) {
        if (!isOn(device)) {
            return null;
        }
        byte number = Functions.type(device.number);
        return Arrays.stream(HalfType.values())
                .filter(type -> type.number == number)
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("autocast is to type " + number));
    }

    /** Whether it is on for a device in this thread. */
    public static boolean isOn(DeviceType device) {
        return Functions.isEnabled(device.number) != 0;
    }
}
