package dev.lockstep.coordinator.api;

import java.util.Map;

/**
 * The body of {@code POST /api/v1/runs}.
 *
 * @param settings the options the user gave, without their dashes, and their values as typed, lists joined by commas:
 *     {@code {"devices": "1,2", "batch-per-device": "16"}}; what is not here has its default
 */
public record RunRequest(Map<String, String> settings) {
    public RunRequest {
        settings = Map.copyOf(settings);
    }
}
