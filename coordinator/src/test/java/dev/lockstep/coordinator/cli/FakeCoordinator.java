package dev.lockstep.coordinator.cli;

import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.coordinator.api.ApiError;
import dev.lockstep.coordinator.api.Endpoint;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Supplier;

/** An HTTP server that says what a test wants a coordinator to say, and remembers what it was asked. */
final class FakeCoordinator implements AutoCloseable {
    private static final String TOKEN = "secret";
    private static final JsonMapper JSON = JsonMapper.builder()
            .addModule(new JavaTimeModule())
            .disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS)
            .build();

    /** An answer: HTTP status and a body to be written as JSON, or null. */
    record Answer(int status, Object body) {}

    private final HttpServer server;
    private final RunDir runDir;
    private final Map<String, Supplier<Answer>> answers = new HashMap<>();
    private final List<String> requests = new CopyOnWriteArrayList<>();
    private final List<String> bodies = new CopyOnWriteArrayList<>();

    private FakeCoordinator(RunDir runDir) throws IOException {
        this.runDir = runDir;
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", this::handle);
        server.start();
    }

    /** Starts one that is found in a run folder. */
    static FakeCoordinator in(Path runDir) throws IOException {
        FakeCoordinator coordinator = new FakeCoordinator(new RunDir(runDir));
        coordinator.writeEndpoint(ProcessHandle.current().pid(), TOKEN);
        return coordinator;
    }

    int port() {
        return server.getAddress().getPort();
    }

    void writeEndpoint(long pid, String token) throws IOException {
        Files.createDirectories(runDir.path());
        Files.write(runDir.endpointFile(), JSON.writeValueAsBytes(new Endpoint(port(), pid, token)));
    }

    /** Answers a request, as in {@code GET /status}, with 200 and a body. */
    FakeCoordinator on(String request, Object body) {
        return on(request, () -> new Answer(200, body));
    }

    FakeCoordinator on(String request, Supplier<Answer> answer) {
        answers.put(request, answer);
        return this;
    }

    FakeCoordinator refuse(String request, int status, FailureCategory category, String message) {
        return on(request, () -> new Answer(status, new ApiError(category, message)));
    }

    /** Answers a request with one body after the other; the last one stays. */
    FakeCoordinator onSequence(String request, List<?> bodies) {
        Iterator<?> next = bodies.iterator();
        Object[] last = new Object[1];
        return on(request, () -> {
            last[0] = next.hasNext() ? next.next() : last[0];
            return new Answer(200, last[0]);
        });
    }

    /** All requests so far, as in {@code GET /status}. */
    List<String> requests() {
        return List.copyOf(requests);
    }

    /** The body of the only request that had one. */
    String body() {
        if (bodies.size() != 1) {
            throw new AssertionError("expected one request with a body, got " + bodies);
        }
        return bodies.get(0);
    }

    /** The bodies of all requests that had one. */
    List<String> bodies() {
        return List.copyOf(bodies);
    }

    private void handle(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getRawPath().replaceFirst("^/api/v1", "");
        String request = exchange.getRequestMethod() + " " + path;
        requests.add(request);
        String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
        if (!body.isEmpty()) {
            bodies.add(body);
        }
        send(exchange, answer(request, exchange.getRequestHeaders().getFirst("Authorization")));
    }

    private Answer answer(String request, String authorization) {
        if (!("Bearer " + TOKEN).equals(authorization)) {
            return new Answer(401, new ApiError(FailureCategory.USAGE, "wrong token"));
        }
        return answers.getOrDefault(
                        request,
                        () -> new Answer(404, new ApiError(FailureCategory.USAGE, "there is nothing at " + request)))
                .get();
    }

    private static void send(HttpExchange exchange, Answer answer) {
        try (exchange) {
            byte[] bytes = answer.body() == null ? new byte[0] : JSON.writeValueAsBytes(answer.body());
            exchange.sendResponseHeaders(answer.status(), bytes.length == 0 ? -1 : bytes.length);
            exchange.getResponseBody().write(bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
