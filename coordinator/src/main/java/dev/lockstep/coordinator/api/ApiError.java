package dev.lockstep.coordinator.api;

import dev.lockstep.common.failure.FailureCategory;

/**
 * The body of every answer that is not 2xx: 400 for what the request asked, 401 without the token, 404 for a run or path that is not
 * there, 409 for what does not fit the cluster's state, 500 for a defect.
 *
 * @param message one line for the user
 */
public record ApiError(FailureCategory category, String message) {}
