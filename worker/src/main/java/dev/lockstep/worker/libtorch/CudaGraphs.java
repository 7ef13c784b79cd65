package dev.lockstep.worker.libtorch;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import com.sun.jna.Structure;
import com.sun.jna.Structure.FieldOrder;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.util.Map;

/**
 * libtorch's own {@code at::cuda::CUDAGraph}, which also gives a recording memory of its own and makes dropout draw anew in each replay.
 * docs/adr/0018 has the reasons. Of the training thread alone.
 *
 * <p>Its functions throw where CUDA fails, which no one catches: the process ends, and the measurement with it.
 */
public final class CudaGraphs implements GraphRecorder {
    static final Map<String, String> SYMBOLS = Map.of(
            "construct", "_ZN2at4cuda9CUDAGraphC1Ev",
            "destroy", "_ZN2at4cuda9CUDAGraphD1Ev",
            "beginCapture", "_ZN2at4cuda9CUDAGraph13capture_beginESt4pairIyyE21cudaStreamCaptureMode",
            "endCapture", "_ZN2at4cuda9CUDAGraph11capture_endEv",
            "replay", "_ZN2at4cuda9CUDAGraph6replayEv",
            "pool", "_ZN2at4cuda9CUDAGraph4poolEv");

    static final Map<String, String> STREAM_SYMBOLS = Map.of(
            "streamFromPool", "_ZN3c104cuda17getStreamFromPoolEba",
            "currentStream", "_ZN3c104cuda20getCurrentCUDAStreamEa",
            "setCurrentStream", "_ZN3c104cuda20setCurrentCUDAStreamENS0_10CUDAStreamE");

    /** No less than {@code sizeof(CUDAGraph)}, which no symbol tells: about 200. */
    private static final int OBJECT_BYTES = 4096;

    private static final byte FIRST_DEVICE = 0;
    private static final byte NORMAL_PRIORITY = 0;
    /** {@code cudaStreamCaptureModeThreadLocal}: other threads, a watchdog for example, may do as they like. */
    private static final int THREAD_LOCAL = 1;

    /** Recording is not possible in the stream that all else runs in. Null before the first recording. */
    private TwoWords recordingStream;

    /** A {@code c10::cuda::CUDAStream} or a pair of numbers: two eightbytes, which travel in two registers. */
    @FieldOrder({"first", "second"})
    public static final class TwoWords extends Structure implements Structure.ByValue {
        // JNA reads and writes public fields.
        public long first;
        public long second;
    }

    private static final class Functions {
        static {
            TorchSymbols.register(Functions.class, "torch_cuda", SYMBOLS);
        }

        private Functions() {}

        static native void construct(long graph);

        static native void destroy(long graph);

        static native void beginCapture(long graph, long poolFirst, long poolSecond, int mode);

        static native void endCapture(long graph);

        static native void replay(long graph);

        static native TwoWords pool(long graph);
    }

    private static final class StreamFunctions {
        static {
            TorchSymbols.register(StreamFunctions.class, "c10_cuda", STREAM_SYMBOLS);
        }

        private StreamFunctions() {}

        static native TwoWords streamFromPool(byte highPriority, byte device);

        static native TwoWords currentStream(byte device);

        static native void setCurrentStream(long first, long second);
    }

    @Override
    public Graph record(Runnable work, Graph earlier) {
        if (recordingStream == null) {
            recordingStream = StreamFunctions.streamFromPool(NORMAL_PRIORITY, FIRST_DEVICE);
        }
        TwoWords usual = StreamFunctions.currentStream(FIRST_DEVICE);
        StreamFunctions.setCurrentStream(recordingStream.first, recordingStream.second);
        try {
            return capture(work, (RecordedGraph) earlier);
        } finally {
            StreamFunctions.setCurrentStream(usual.first, usual.second);
        }
    }

    private static RecordedGraph capture(Runnable work, RecordedGraph earlier) {
        RecordedGraph graph = new RecordedGraph();
        TwoWords pool = earlier == null ? new TwoWords() : Functions.pool(earlier.address());
        Functions.beginCapture(graph.address(), pool.first, pool.second, THREAD_LOCAL);
        try {
            work.run();
        } catch (RuntimeException e) {
            // What was begun can neither be ended nor be left.
            throw new LockstepException(
                    FailureCategory.DEVICE,
                    "recording a step for the GPU failed: "
                            + String.valueOf(e.getMessage()).lines().findFirst().orElse("")
                            + "; --cuda-graphs off trains without",
                    e);
        }
        Functions.endCapture(graph.address());
        return graph;
    }

    private static final class RecordedGraph implements Graph {
        private final Memory object = new Memory(OBJECT_BYTES);
        private boolean closed;

        RecordedGraph() {
            object.clear();
            Functions.construct(Pointer.nativeValue(object));
        }

        long address() {
            if (closed) {
                throw new IllegalStateException("the recording is closed");
            }
            return Pointer.nativeValue(object);
        }

        @Override
        public void replay() {
            Functions.replay(address());
        }

        @Override
        public void close() {
            if (!closed) {
                Functions.destroy(address());
                closed = true;
                object.close();
            }
        }
    }
}
