package dev.lockstep.worker.step;

import ai.djl.ndarray.NDManager;
import dev.lockstep.common.memory.Segment;
import dev.lockstep.common.work.ReplicaSpec;
import dev.lockstep.common.work.StateFiles;
import dev.lockstep.common.work.StepCommand;
import java.nio.file.Path;
import java.util.Map;

/** Replica 0's files: its state from one, its state and its trace to others. Other replicas have none. */
final class ReplicaFiles {
    private final StateFiles files;
    private final Checkpoint checkpoint;
    /** Null when nothing is traced. */
    private final Trace trace;

    private ReplicaFiles(StateFiles files, Checkpoint checkpoint, Trace trace) {
        this.files = files;
        this.checkpoint = checkpoint;
        this.trace = trace;
    }

    /** @param manager holds what the trace keeps */
    static ReplicaFiles of(ReplicaSpec spec, NDManager manager, Segment segment, Replica replica) {
        StateFiles files = spec.rank() == 0 ? spec.files() : StateFiles.NONE;
        Trace trace = files.trace() == null ? null : new Trace(manager, segment, replica);
        return new ReplicaFiles(files, new Checkpoint(replica), trace);
    }

    /**
     * Gives the replica the state of the file to start from, if there is one.
     *
     * @return the text that came with it; empty if there is none
     * @throws dev.lockstep.common.failure.LockstepException USAGE if the file is not one of this model
     */
    Map<String, String> load() {
        return files.load() == null ? Map.of() : checkpoint.load(Path.of(files.load()));
    }

    /** Takes down a step that has just ended, if steps are traced. */
    void record(StepCommand command, Double loss) {
        if (trace != null) {
            trace.record(command, loss);
        }
    }

    /**
     * Writes the files that are wanted at the end.
     *
     * @param metadata text to save with the state
     * @throws dev.lockstep.common.failure.LockstepException if one cannot be written
     */
    void write(Map<String, String> metadata) {
        if (files.save() != null) {
            checkpoint.save(Path.of(files.save()), metadata);
        }
        if (trace != null) {
            trace.write(Path.of(files.trace()));
        }
    }
}
