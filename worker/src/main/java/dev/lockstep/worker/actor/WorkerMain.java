package dev.lockstep.worker.actor;

import akka.actor.typed.ActorRef;
import akka.actor.typed.ActorRefResolver;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.Behavior;
import akka.actor.typed.Props;
import akka.actor.typed.javadsl.Behaviors;
import akka.cluster.ClusterEvent.MemberEvent;
import akka.cluster.typed.Cluster;
import akka.cluster.typed.Subscribe;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.common.protocol.ClusterConfig;
import dev.lockstep.common.protocol.PoolMessage;
import dev.lockstep.common.work.Invitation;
import dev.lockstep.common.work.WorkerSettings;
import dev.lockstep.worker.step.DjlTrainingEngine;
import dev.lockstep.worker.step.TrainingEngine;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
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
        Invitation invitation = settings.invitation();
        CompletableFuture<ActorRef<PoolMessage>> pool = new CompletableFuture<>();
        ActorSystem<?> system = ActorSystem.create(
                TrainingWorker.create(settings.deviceId(), invitation.token(), pool, engine, WorkerMain::halt),
                ClusterConfig.SYSTEM,
                ClusterConfig.of("worker", 0, settings.seedPort(), settings.tls()));
        whenJoined(system, () -> pool.complete(ActorRefResolver.get(system).resolveActorRef(invitation.pool())));
    }

    /**
     * Runs something once the coordinator has let this process into the cluster. What is told to it before, while the two still find
     * each other, may be lost; that all know of it, as they do when it is up, takes seconds longer.
     */
    private static void whenJoined(ActorSystem<?> system, Runnable then) {
        Cluster cluster = Cluster.get(system);
        Behavior<MemberEvent> untilJoined = Behaviors.receiveMessage(event -> {
            if (!event.member().uniqueAddress().equals(cluster.selfMember().uniqueAddress())) {
                return Behaviors.same();
            }
            then.run();
            return Behaviors.stopped();
        });
        cluster.subscriptions()
                .tell(Subscribe.create(
                        system.systemActorOf(untilJoined, "until-joined", Props.empty()), MemberEvent.class));
    }

    /** Ends the process at once: the training thread may be in a native call for seconds, and nothing here needs saving. */
    private static void halt(int status, String reason) {
        LOG.info("{}", reason);
        Runtime.getRuntime().halt(status);
    }
}
