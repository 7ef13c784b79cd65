package dev.lockstep.coordinator.workers;

import akka.actor.typed.ActorRef;
import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.protocol.WorkerMessage;
import dev.lockstep.common.work.EngineInfo;
import java.util.List;

/** What the pool tells whoever asked it for workers. */
public sealed interface Lease {
    /** The workers, in rank order; they are the asker's until it gives them back. */
    record Granted(List<LeasedWorker> workers) implements Lease {
        public Granted {
            workers = List.copyOf(workers);
        }
    }

    /** There will be none. */
    record Refused(Failure failure) implements Lease {}

    /** One of the leased workers is gone. */
    record WorkerLost(String deviceId, Failure failure) implements Lease {}

    /**
     * A worker that is up and idle.
     *
     * @param pid of its process
     * @param cpus logical processors that its replica computes on; empty for one on a GPU
     */
    record LeasedWorker(
            String deviceId, ActorRef<WorkerMessage> worker, EngineInfo engine, long pid, List<Integer> cpus) {
        public LeasedWorker {
            cpus = List.copyOf(cpus);
        }
    }
}
