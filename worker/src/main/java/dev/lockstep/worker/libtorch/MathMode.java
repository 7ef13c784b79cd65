package dev.lockstep.worker.libtorch;

import java.util.Map;

/** How libtorch may compute on a GPU, for the whole process: {@code torch.backends.cuda} and {@code torch.backends.cudnn}. */
public final class MathMode {
    static final Map<String, String> SYMBOLS = Map.of(
            "globalContext", "_ZN2at13globalContextEv",
            "setConvolutionTf32", "_ZN2at7Context17setAllowTF32CuDNNEb",
            "convolutionTf32", "_ZNK2at7Context14allowTF32CuDNNEv",
            "setProductTf32", "_ZN2at7Context18setAllowTF32CuBLASEb",
            "productTf32", "_ZNK2at7Context15allowTF32CuBLASEv",
            "setAutotuning", "_ZN2at7Context17setBenchmarkCuDNNEb",
            "autotuning", "_ZNK2at7Context14benchmarkCuDNNEv",
            "setAutotuningLimit", "_ZN2at7Context22setBenchmarkLimitCuDNNEi",
            "autotuningLimit", "_ZNK2at7Context19benchmarkLimitCuDNNEv");

    private MathMode() {}

    private static final class Functions {
        static {
            TorchSymbols.register(Functions.class, SYMBOLS);
        }

        private Functions() {}

        static native long globalContext();

        static native void setConvolutionTf32(long context, int allowed);

        // A C++ bool is one byte; the rest of the register is anything.
        static native byte convolutionTf32(long context);

        static native void setProductTf32(long context, int allowed);

        static native byte productTf32(long context);

        static native void setAutotuning(long context, int on);

        static native byte autotuning(long context);

        static native void setAutotuningLimit(long context, int limit);

        static native int autotuningLimit(long context);
    }

    /**
     * The switches. All of them are off in no mode of PyTorch's own: by default convolutions may use TF32, matrix products may not, and
     * convolutions are not tuned.
     *
     * @param convolutionTf32 whether cuDNN may round float32 to TF32
     * @param productTf32 whether cuBLAS may
     * @param autotuning whether cuDNN tries its algorithms on each new shape and keeps the fastest
     * @param autotuningLimit how many it tries, in the order of its own expectations; 0 for all
     */
    public record Switches(boolean convolutionTf32, boolean productTf32, boolean autotuning, int autotuningLimit) {}

    /** Sets them, and returns what libtorch then says they are. */
    public static Switches set(Switches switches) {
        long context = Functions.globalContext();
        Functions.setConvolutionTf32(context, switches.convolutionTf32 ? 1 : 0);
        Functions.setProductTf32(context, switches.productTf32 ? 1 : 0);
        Functions.setAutotuning(context, switches.autotuning ? 1 : 0);
        Functions.setAutotuningLimit(context, switches.autotuningLimit);
        return read();
    }

    /** What they are now. */
    public static Switches read() {
        long context = Functions.globalContext();
        return new Switches(
                Functions.convolutionTf32(context) != 0,
                Functions.productTf32(context) != 0,
                Functions.autotuning(context) != 0,
                Functions.autotuningLimit(context));
    }
}
