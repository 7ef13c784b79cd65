package dev.lockstep.worker.actor;

import akka.actor.typed.ActorSystem;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.common.protocol.ClusterConfig;
import dev.lockstep.common.work.WorkerSettings;
import dev.lockstep.worker.step.DjlTrainingEngine;
import dev.lockstep.worker.step.TrainingEngine;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A worker process: spawned by the coordinator, never by hand. */
public final class WorkerMain {
    private static final Logger LOG = LoggerFactory.getLogger(WorkerMain.class);

    private WorkerMain() {}

    /** Reads {@link WorkerSettings} from the environment and joins the cluster. */
    public static void main(String[] args) throws JsonProcessingException {
        String json = System.getenv(WorkerSettings.VARIABLE);
        if (json == null) {
            System.err.println("error: a worker is started by the coordinator: use deploy/bin/start-cluster");
            System.exit(2);
        }
        WorkerSettings settings = new ObjectMapper().readValue(json, WorkerSettings.class);
        ParentWatch.start(settings.parentPid(), WorkerMain::halt);
        LOG.info("{}", settings);
        TrainingEngine engine = new DjlTrainingEngine(
                settings.kind(), settings.threads(), settings.cpus(), Duration.ofMillis(settings.stepTimeoutMillis()));
        ActorSystem.create(
                TrainingWorker.create(settings.deviceId(), settings.token(), engine, WorkerMain::halt),
                ClusterConfig.SYSTEM,
                ClusterConfig.of("worker", 0, settings.seedPort(), settings.tls()));
    }

    /** Ends the process at once: the training thread may be in a native call for seconds, and nothing here needs saving. */
    private static void halt(int status, String reason) {
        LOG.info("{}", reason);
        Runtime.getRuntime().halt(status);
    }
}
