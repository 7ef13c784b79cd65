package dev.lockstep.worker.cuda;

import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.NativeLong;
import com.sun.jna.Pointer;
import com.sun.jna.Structure;
import com.sun.jna.Structure.FieldOrder;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.PointerByReference;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;

/** NCCL 2.21 in the CUDA build of libtorch, which exports its C API. Needs no GPU until a communicator is joined. */
public final class NcclLibrary implements Nccl {
    private static final int FLOAT32 = 7;
    private static final int SUM = 0;
    /** {@link Config} is the layout from this version on, up to but without the next. */
    private static final int FIRST_VERSION = 22100;

    private static final int NEXT_VERSION = 22200;

    private final Functions functions;

    private NcclLibrary(Functions functions) {
        this.functions = functions;
    }

    /** {@code ncclUniqueId}, which C passes by value: on x86-64 in memory. */
    @FieldOrder("internal")
    public static class UniqueId extends Structure {
        public byte[] internal = new byte[UNIQUE_ID_BYTES];

        /** The struct itself as an argument. */
        public static class ByValue extends UniqueId implements Structure.ByValue {}
    }

    /** {@code ncclConfig_t} of NCCL 2.17 to 2.21, with what {@code NCCL_CONFIG_INITIALIZER} puts into it, and not blocking. */
    @FieldOrder({"size", "magic", "version", "blocking", "cgaClusterSize", "minCtas", "maxCtas", "netName", "splitShare"
    })
    public static class Config extends Structure {
        static final int BYTES = 48;
        private static final int UNDEFINED = Integer.MIN_VALUE;

        public NativeLong size = new NativeLong(BYTES);
        public int magic = 0xcafebeef;
        public int version;
        public int blocking;
        public int cgaClusterSize = UNDEFINED;
        public int minCtas = UNDEFINED;
        public int maxCtas = UNDEFINED;
        public Pointer netName;
        public int splitShare = UNDEFINED;

        Config(int version) {
            this.version = version;
        }
    }

    /** The C functions under their own names. */
    private interface Functions extends Library {
        int ncclGetVersion(IntByReference version);

        int ncclGetUniqueId(UniqueId id);

        int ncclCommInitRankConfig(
                PointerByReference communicator, int ranks, UniqueId.ByValue id, int rank, Config config);

        int ncclCommGetAsyncError(Pointer communicator, IntByReference state);

        int ncclCommAbort(Pointer communicator);

        int ncclCommFinalize(Pointer communicator);

        int ncclCommDestroy(Pointer communicator);

        int ncclGroupStart();

        int ncclGroupEnd();

        int ncclBroadcast(
                Pointer from, Pointer to, NativeLong count, int type, int root, Pointer communicator, Pointer stream);

        int ncclReduce(
                Pointer from,
                Pointer to,
                NativeLong count,
                int type,
                int operation,
                int root,
                Pointer communicator,
                Pointer stream);

        int ncclAllReduce(
                Pointer from,
                Pointer to,
                NativeLong count,
                int type,
                int operation,
                Pointer communicator,
                Pointer stream);

        int ncclSend(Pointer from, NativeLong count, int type, int peer, Pointer communicator, Pointer stream);

        int ncclRecv(Pointer to, NativeLong count, int type, int peer, Pointer communicator, Pointer stream);

        String ncclGetErrorString(int result);

        String ncclGetLastError(Pointer communicator);
    }

    /** The C library's, to set what NCCL reads when it starts. */
    private interface Environment extends Library {
        int setenv(String name, String value, int overwrite);
    }

    /**
     * Loads the library and looks every function up. Ranks of one host find each other over the loopback interface alone, unless
     * {@code NCCL_SOCKET_IFNAME} is set.
     *
     * @param libtorch the folder of libtorch's libraries
     * @throws LockstepException ENVIRONMENT if this libtorch has no NCCL, or another than Lockstep was built for
     */
    public static NcclLibrary load(Path libtorch) {
        Path file = libtorch.resolve(System.mapLibraryName("torch_cuda"));
        if (!Files.exists(file)) {
            throw new LockstepException(
                    FailureCategory.ENVIRONMENT,
                    "the libtorch in " + libtorch
                            + " is not a CUDA build, so that it has no NCCL: start the cluster with --cuda");
        }
        Native.load("c", Environment.class).setenv("NCCL_SOCKET_IFNAME", "lo", 0);
        NcclLibrary library;
        try {
            for (Method function : Functions.class.getDeclaredMethods()) {
                NativeLibrary.getInstance(file.toString()).getFunction(function.getName());
            }
            library = new NcclLibrary(Native.load(file.toString(), Functions.class));
        } catch (UnsatisfiedLinkError e) {
            throw new LockstepException(
                    FailureCategory.ENVIRONMENT, "the NCCL in " + file + " cannot be used: " + e.getMessage(), e);
        }
        int version = library.version();
        if (version < FIRST_VERSION || version >= NEXT_VERSION) {
            throw new LockstepException(
                    FailureCategory.ENVIRONMENT,
                    "the NCCL in " + file + " has version code " + version + ", Lockstep was built for 2.21");
        }
        return library;
    }

    @Override
    public int version() {
        IntByReference version = new IntByReference();
        require(functions.ncclGetVersion(version), "ncclGetVersion");
        return version.getValue();
    }

    @Override
    public byte[] createUniqueId() {
        UniqueId id = new UniqueId();
        require(functions.ncclGetUniqueId(id), "ncclGetUniqueId");
        return id.internal;
    }

    @Override
    public Joining join(int ranks, byte[] uniqueId, int rank) {
        if (uniqueId.length != UNIQUE_ID_BYTES) {
            throw new IllegalArgumentException("a unique id has " + UNIQUE_ID_BYTES + " bytes, not " + uniqueId.length);
        }
        UniqueId.ByValue id = new UniqueId.ByValue();
        id.internal = uniqueId;
        PointerByReference communicator = new PointerByReference();
        int result = functions.ncclCommInitRankConfig(communicator, ranks, id, rank, new Config(version()));
        return new Joining(Result.of(result), Pointer.nativeValue(communicator.getValue()));
    }

    @Override
    public Result state(long communicator) {
        IntByReference state = new IntByReference();
        Result asked = Result.of(functions.ncclCommGetAsyncError(new Pointer(communicator), state));
        return asked == Result.SUCCESS ? Result.of(state.getValue()) : asked;
    }

    @Override
    public Result abort(long communicator) {
        return Result.of(functions.ncclCommAbort(new Pointer(communicator)));
    }

    @Override
    public Result finish(long communicator) {
        return Result.of(functions.ncclCommFinalize(new Pointer(communicator)));
    }

    @Override
    public Result destroy(long communicator) {
        return Result.of(functions.ncclCommDestroy(new Pointer(communicator)));
    }

    @Override
    public Result groupStart() {
        return Result.of(functions.ncclGroupStart());
    }

    @Override
    public Result groupEnd() {
        return Result.of(functions.ncclGroupEnd());
    }

    @Override
    public Result broadcast(long floats, long count, int root, long communicator, long stream) {
        Pointer place = new Pointer(floats);
        return Result.of(functions.ncclBroadcast(
                place, place, new NativeLong(count), FLOAT32, root, new Pointer(communicator), new Pointer(stream)));
    }

    @Override
    public Result reduce(long floats, long count, int root, long communicator, long stream) {
        Pointer place = new Pointer(floats);
        return Result.of(functions.ncclReduce(
                place,
                place,
                new NativeLong(count),
                FLOAT32,
                SUM,
                root,
                new Pointer(communicator),
                new Pointer(stream)));
    }

    @Override
    public Result allReduce(long floats, long count, long communicator, long stream) {
        Pointer place = new Pointer(floats);
        return Result.of(functions.ncclAllReduce(
                place, place, new NativeLong(count), FLOAT32, SUM, new Pointer(communicator), new Pointer(stream)));
    }

    @Override
    public Result send(long floats, long count, int peer, long communicator, long stream) {
        return Result.of(functions.ncclSend(
                new Pointer(floats),
                new NativeLong(count),
                FLOAT32,
                peer,
                new Pointer(communicator),
                new Pointer(stream)));
    }

    @Override
    public Result receive(long floats, long count, int peer, long communicator, long stream) {
        return Result.of(functions.ncclRecv(
                new Pointer(floats),
                new NativeLong(count),
                FLOAT32,
                peer,
                new Pointer(communicator),
                new Pointer(stream)));
    }

    @Override
    public String describe(Result result) {
        return functions.ncclGetErrorString(result.number());
    }

    @Override
    public String lastError() {
        String text = functions.ncclGetLastError(Pointer.NULL);
        return text == null ? "" : text.strip();
    }

    private void require(int number, String function) {
        Result result = Result.of(number);
        if (result != Result.SUCCESS) {
            throw new LockstepException(
                    FailureCategory.ENVIRONMENT, function + " of NCCL failed: " + describe(result) + ' ' + lastError());
        }
    }
}
