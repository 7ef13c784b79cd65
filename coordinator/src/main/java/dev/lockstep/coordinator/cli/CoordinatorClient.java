package dev.lockstep.coordinator.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import dev.lockstep.coordinator.api.ApiError;
import dev.lockstep.coordinator.api.ClusterView;
import dev.lockstep.coordinator.api.DeviceView;
import dev.lockstep.coordinator.api.Endpoint;
import dev.lockstep.coordinator.api.RunRequest;
import dev.lockstep.coordinator.api.RunView;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The coordinator's HTTP API. Every method throws a {@link CommandException}: with the coordinator's own sentence when it refuses,
 * with status {@link ExitStatus#NO_CLUSTER} when it is not there.
 */
final class CoordinatorClient {
    /** Replicas train on every core: an answer may well be late. */
    private static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(30);
    /** Before it takes a run the coordinator looks through its image folder. */
    private static final Duration SUBMIT_TIMEOUT = Duration.ofMinutes(5);

    private final RunDir runDir;
    private final Endpoint endpoint;
    private final HttpClient http;

    private CoordinatorClient(RunDir runDir, Endpoint endpoint) {
        this.runDir = runDir;
        this.endpoint = endpoint;
        this.http = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(Duration.ofSeconds(5))
                .build();
    }

    /** The client of the cluster that runs in a folder. */
    static CoordinatorClient of(RunDir runDir) {
        Endpoint endpoint = runDir.endpoint().orElseThrow(runDir::noCluster);
        if (!ProcessHandle.of(endpoint.pid()).map(ProcessHandle::isAlive).orElse(false)) {
            throw runDir.noCluster();
        }
        return new CoordinatorClient(runDir, endpoint);
    }

    /** The cluster that runs in a folder; empty where none does. */
    static Optional<ClusterView> find(RunDir runDir) {
        try {
            return Optional.of(of(runDir).status());
        } catch (CommandException e) {
            if (e.status() == ExitStatus.NO_CLUSTER) {
                return Optional.empty();
            }
            throw e;
        }
    }

    ClusterView status() {
        return get("/status", new TypeReference<>() {});
    }

    List<DeviceView> devices() {
        return get("/devices", new TypeReference<>() {});
    }

    List<RunView> runs() {
        return get("/runs", new TypeReference<>() {});
    }

    RunView run(String id) {
        return get(runPath(id), new TypeReference<>() {});
    }

    /** Asks for a run with the settings that the user gave. */
    RunView submit(Map<String, String> settings) {
        HttpRequest.Builder request = request("/runs").timeout(SUBMIT_TIMEOUT).POST(json(new RunRequest(settings)));
        return read(send(request), new TypeReference<>() {});
    }

    /** Asks for a run's end; the answer may come before it. */
    RunView cancel(String id) {
        return read(send(request(runPath(id) + "/cancel").POST(BodyPublishers.noBody())), new TypeReference<>() {});
    }

    /** Asks for the cluster's end; the answer comes when the workers are gone. */
    void shutdown() {
        send(request("/shutdown").POST(BodyPublishers.noBody()));
    }

    private <T> T get(String path, TypeReference<T> type) {
        return read(send(request(path).GET()), type);
    }

    private static String runPath(String id) {
        return "/runs/" + URLEncoder.encode(id, StandardCharsets.UTF_8).replace("+", "%20");
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + endpoint.port() + "/api/v1" + path))
                .timeout(ANSWER_TIMEOUT)
                .header("Authorization", "Bearer " + endpoint.token())
                .header("Content-Type", "application/json");
    }

    private String send(HttpRequest.Builder builder) {
        HttpRequest request = builder.build();
        try {
            HttpResponse<String> response = http.send(request, BodyHandlers.ofString());
            if (response.statusCode() / 100 != 2) {
                throw refusal(response);
            }
            return response.body();
        } catch (HttpTimeoutException e) {
            Duration timeout = request.timeout().orElseThrow();
            throw lost("did not answer within " + Messages.duration(timeout), e);
        } catch (ConnectException e) {
            throw new CommandException(ExitStatus.NO_CLUSTER, runDir.noCluster().getMessage(), e);
        } catch (IOException e) {
            throw lost("broke off its answer (" + Messages.of(e) + ")", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CommandException(ExitStatus.CANCELLED, "interrupted while the coordinator was asked", e);
        }
    }

    private CommandException refusal(HttpResponse<String> response) {
        if (response.statusCode() == 401) {
            return new CommandException(
                    ExitStatus.NO_CLUSTER,
                    "port " + endpoint.port() + " does not accept the token in " + runDir.endpointFile()
                            + ": it belongs to another cluster");
        }
        ApiError error = read(response.body(), new TypeReference<>() {});
        return new CommandException(ExitStatus.of(error.category()), error.message());
    }

    private <T> T read(String body, TypeReference<T> type) {
        try {
            return Json.MAPPER.readValue(body, type);
        } catch (JsonProcessingException e) {
            throw lost("answered what this version of the command line cannot read (" + Messages.of(e) + ")", e);
        }
    }

    private static BodyPublisher json(Object body) {
        try {
            return BodyPublishers.ofByteArray(Json.MAPPER.writeValueAsBytes(body));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a request has no JSON form", e);
        }
    }

    private CommandException lost(String what, Exception cause) {
        return new CommandException(
                ExitStatus.NO_CLUSTER,
                "the coordinator on port " + endpoint.port() + " " + what + ": see "
                        + runDir.coordinatorLog().file(),
                cause);
    }
}
