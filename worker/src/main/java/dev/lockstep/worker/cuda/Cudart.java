package dev.lockstep.worker.cuda;

import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.work.ComputeCapability;
import dev.lockstep.worker.libtorch.NativeLibraries;
import java.nio.file.Path;

/** The CUDA runtime that libtorch brought and loaded, by JNA. What it is called with is not checked. */
public final class Cudart implements CudaRuntime {
    /** Start of the library's file name, which ends in a hash. */
    static final String LIBRARY = "libcudart";

    private static final int SUCCESS = 0;
    private static final int MEMORY_ALLOCATION = 2;
    private static final int NOT_READY = 600;
    private static final int COMPUTE_CAPABILITY_MAJOR = 75;
    private static final int COMPUTE_CAPABILITY_MINOR = 76;
    private static final int FIRST_DEVICE = 0;
    private static final int NO_FLAGS = 0;

    private Cudart() {}

    /** The C functions by their own names: the one list of what is called. */
    static final class Functions {
        static {
            Native.register(Functions.class, NativeLibrary.getInstance(path().toString()));
        }

        private Functions() {}

        /** Its call makes the block above run, which looks every function up. */
        static void link() {}

        static native int cudaHostRegister(long address, long bytes, int flags);

        static native int cudaHostUnregister(long address);

        static native int cudaMemcpyAsync(long to, long from, long bytes, int kind, long stream);

        static native int cudaStreamSynchronize(long stream);

        static native int cudaEventCreate(long[] event);

        static native int cudaEventRecord(long event, long stream);

        static native int cudaEventQuery(long event);

        static native int cudaEventElapsedTime(float[] milliseconds, long start, long end);

        static native int cudaEventDestroy(long event);

        static native int cudaMemGetInfo(long[] free, long[] total);

        static native int cudaGetDeviceCount(int[] count);

        static native int cudaDeviceGetAttribute(int[] value, int attribute, int device);

        static native int cudaRuntimeGetVersion(int[] version);

        static native int cudaGetLastError();

        static native String cudaGetErrorName(int error);

        static native String cudaGetErrorString(int error);
    }

    private static Path path() {
        return NativeLibraries.find(LIBRARY)
                .orElseThrow(() -> new LockstepException(
                        FailureCategory.ENVIRONMENT,
                        "the libtorch in " + NativeLibraries.folder() + " is not a CUDA build: it has no " + LIBRARY
                                + "; start the cluster with --cuda, or on --devices cpu:N"));
    }

    /**
     * The runtime beside the libtorch that is loaded; looks up every function.
     *
     * @throws LockstepException ENVIRONMENT if this libtorch has none, or one that lacks a function
     */
    public static Cudart load() {
        // Its absence is told here: an exception of a static block would hide it.
        Path library = path();
        try {
            Functions.link();
        } catch (UnsatisfiedLinkError e) {
            throw new LockstepException(
                    FailureCategory.ENVIRONMENT,
                    "the CUDA runtime in " + library + " is not the one Lockstep was built for: " + e.getMessage(),
                    e);
        }
        return new Cudart();
    }

    @Override
    public void hostRegister(long address, long bytes) {
        check("cudaHostRegister", Functions.cudaHostRegister(address, bytes, NO_FLAGS));
    }

    @Override
    public void hostUnregister(long address) {
        check("cudaHostUnregister", Functions.cudaHostUnregister(address));
    }

    @Override
    public void copyAsync(long to, long from, long bytes, Direction direction, long stream) {
        check("cudaMemcpyAsync", Functions.cudaMemcpyAsync(to, from, bytes, direction.number(), stream));
    }

    @Override
    public void synchronize(long stream) {
        check("cudaStreamSynchronize", Functions.cudaStreamSynchronize(stream));
    }

    @Override
    public long createEvent() {
        long[] event = new long[1];
        check("cudaEventCreate", Functions.cudaEventCreate(event));
        return event[0];
    }

    @Override
    public void recordEvent(long event, long stream) {
        check("cudaEventRecord", Functions.cudaEventRecord(event, stream));
    }

    @Override
    public boolean isReached(long event) {
        int status = Functions.cudaEventQuery(event);
        if (status == NOT_READY) {
            forgetError();
            return false;
        }
        check("cudaEventQuery", status);
        return true;
    }

    @Override
    public float elapsedMillis(long start, long end) {
        float[] milliseconds = new float[1];
        check("cudaEventElapsedTime", Functions.cudaEventElapsedTime(milliseconds, start, end));
        return milliseconds[0];
    }

    @Override
    public void destroyEvent(long event) {
        check("cudaEventDestroy", Functions.cudaEventDestroy(event));
    }

    @Override
    public DeviceMemory memory() {
        long[] free = new long[1];
        long[] total = new long[1];
        check("cudaMemGetInfo", Functions.cudaMemGetInfo(free, total));
        return new DeviceMemory(free[0], total[0]);
    }

    @Override
    public int deviceCount() {
        int[] count = new int[1];
        check("cudaGetDeviceCount", Functions.cudaGetDeviceCount(count));
        return count[0];
    }

    @Override
    public ComputeCapability computeCapability() {
        return new ComputeCapability(attribute(COMPUTE_CAPABILITY_MAJOR), attribute(COMPUTE_CAPABILITY_MINOR));
    }

    private static int attribute(int attribute) {
        int[] value = new int[1];
        check("cudaDeviceGetAttribute", Functions.cudaDeviceGetAttribute(value, attribute, FIRST_DEVICE));
        return value[0];
    }

    @Override
    public int version() {
        int[] version = new int[1];
        check("cudaRuntimeGetVersion", Functions.cudaRuntimeGetVersion(version));
        return version[0];
    }

    private static void check(String function, int error) {
        if (error == SUCCESS) {
            return;
        }
        String text = Functions.cudaGetErrorName(error) + ": " + Functions.cudaGetErrorString(error);
        forgetError();
        throw new LockstepException(
                error == MEMORY_ALLOCATION ? FailureCategory.OUT_OF_MEMORY : FailureCategory.DEVICE,
                function + " failed with " + text);
    }

    /** The runtime keeps a call's error in the thread, where libtorch would take it for that of its own next call. */
    private static void forgetError() {
        Functions.cudaGetLastError();
    }
}
