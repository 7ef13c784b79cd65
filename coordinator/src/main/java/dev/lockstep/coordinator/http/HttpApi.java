package dev.lockstep.coordinator.http;

import akka.actor.typed.ActorRef;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.javadsl.AskPattern;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.threads.DaemonThreads;
import dev.lockstep.coordinator.api.ApiError;
import dev.lockstep.coordinator.api.ClusterView;
import dev.lockstep.coordinator.api.RunRequest;
import dev.lockstep.coordinator.api.RunView;
import dev.lockstep.coordinator.control.Coordinator;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Serves {@code /api/v1} on 127.0.0.1; the records of {@link dev.lockstep.coordinator.api} say what goes over it. */
public final class HttpApi implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(HttpApi.class);
    private static final String BASE = "/api/v1/";
    private static final int THREADS = 4;
    private static final int LARGEST_REQUEST = 1 << 20;
    private static final Duration PATIENCE = Duration.ofMinutes(5);

    private final HttpServer server;
    private final ExecutorService executor = Executors.newFixedThreadPool(THREADS, DaemonThreads.named("http"));
    private final String token;
    private final ActorSystem<?> system;
    private final ActorRef<Coordinator.Command> coordinator;
    private final Runnable onShutdown;
    private final ObjectMapper json = JsonMapper.builder()
            .addModule(new JavaTimeModule())
            .disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS)
            .build();

    /** An answer that is to be sent. */
    private record Answer(int status, Object body) {}

    /**
     * Starts serving.
     *
     * @param port to listen on; 0 for any free one
     * @param token that every request must carry
     * @param onShutdown called once the cluster is down and the client has been told
     * @throws LockstepException ENVIRONMENT when the port is taken
     */
    public HttpApi(
            int port,
            String token,
            ActorSystem<?> system,
            ActorRef<Coordinator.Command> coordinator,
            Runnable onShutdown) {
        this.token = token;
        this.system = system;
        this.coordinator = coordinator;
        this.onShutdown = onShutdown;
        try {
            this.server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        } catch (IOException e) {
            throw new LockstepException(
                    FailureCategory.ENVIRONMENT,
                    "port %d for the HTTP API cannot be had: %s: choose another with --port, or 0 for any"
                            .formatted(port, e.getMessage()),
                    e);
        }
        server.createContext("/", this::serve);
        server.setExecutor(executor);
        server.start();
    }

    /** The port it listens on. */
    public int port() {
        return server.getAddress().getPort();
    }

    private void serve(HttpExchange exchange) throws IOException {
        Answer answer;
        try {
            answer = isAuthorised(exchange)
                    ? answer(exchange)
                    : error(401, FailureCategory.USAGE, "the request has no valid token: it is in the run folder");
        } catch (LockstepException e) {
            answer = error(400, e.failure().category(), e.getMessage());
        } catch (RuntimeException e) {
            LOG.error("{} {} failed", exchange.getRequestMethod(), exchange.getRequestURI(), e);
            answer = error(500, FailureCategory.INTERNAL, "the coordinator failed: " + e + "; its log says more");
        }
        byte[] body = json.writeValueAsBytes(answer.body);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(answer.status, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
        if (answer.status == 202) {
            onShutdown.run();
        }
    }

    private boolean isAuthorised(HttpExchange exchange) {
        String header = exchange.getRequestHeaders().getFirst("Authorization");
        // Compared in constant time, so that timing tells nothing of the token.
        return header != null
                && MessageDigest.isEqual(
                        header.getBytes(StandardCharsets.UTF_8), ("Bearer " + token).getBytes(StandardCharsets.UTF_8));
    }

    private Answer answer(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        if (!path.startsWith(BASE)) {
            return notFound(path);
        }
        List<String> parts = List.of(path.substring(BASE.length()).split("/", -1));
        String request = exchange.getRequestMethod() + " " + parts.get(0) + "/" + parts.size();
        return switch (request) {
            case "GET status/1" -> new Answer(200, cluster());
            case "GET devices/1" -> new Answer(200, cluster().devices());
            case "GET runs/1" -> new Answer(200, this.<List<RunView>>ask(Coordinator.ListRuns::new));
            case "POST runs/1" -> submit(exchange);
            case "GET runs/2" -> run(path, ask(replyTo -> new Coordinator.FindRun(parts.get(1), replyTo)));
            case "POST runs/3" ->
                parts.get(2).equals("cancel")
                        ? run(path, ask(replyTo -> new Coordinator.CancelRun(parts.get(1), replyTo)))
                        : notFound(path);
            case "POST shutdown/1" ->
                new Answer(202, this.ask(Coordinator.Shutdown::new).toString());
            default -> notFound(path);
        };
    }

    private ClusterView cluster() {
        return ask(Coordinator.Describe::new);
    }

    private static Answer run(String path, Optional<RunView> run) {
        return run.map(view -> new Answer(200, view)).orElseGet(() -> notFound(path));
    }

    private Answer submit(HttpExchange exchange) throws IOException {
        Config options = options(exchange.getRequestBody().readNBytes(LARGEST_REQUEST));
        Coordinator.Submission submission = ask(replyTo -> new Coordinator.Submit(options, replyTo));
        if (submission instanceof Coordinator.Accepted accepted) {
            return new Answer(201, accepted.run());
        }
        Coordinator.Refused refused = (Coordinator.Refused) submission;
        return error(400, refused.failure().category(), refused.failure().message());
    }

    private Config options(byte[] body) throws IOException {
        try {
            return ConfigFactory.parseMap(json.readValue(body, RunRequest.class).settings());
        } catch (JsonProcessingException | ConfigException e) {
            throw new LockstepException(FailureCategory.USAGE, "the request is not understood: " + e.getMessage(), e);
        }
    }

    private <T> T ask(Function<ActorRef<T>, Coordinator.Command> message) {
        try {
            return AskPattern.<Coordinator.Command, T>ask(coordinator, message::apply, PATIENCE, system.scheduler())
                    .toCompletableFuture()
                    .join();
        } catch (CompletionException e) {
            throw new IllegalStateException("the coordinator did not answer", e.getCause());
        }
    }

    private static Answer notFound(String path) {
        return error(404, FailureCategory.USAGE, "there is no " + path);
    }

    private static Answer error(int status, FailureCategory category, String message) {
        return new Answer(status, new ApiError(category, message));
    }

    @Override
    public void close() {
        server.stop(0);
        executor.shutdown();
    }
}
