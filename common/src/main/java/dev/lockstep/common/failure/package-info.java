/** How failures travel: as a category and a sentence, never as a Throwable. */
package dev.lockstep.common.failure;
