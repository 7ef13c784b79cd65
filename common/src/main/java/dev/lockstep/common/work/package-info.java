/** What a worker is asked to do and what it answers: the payload of the protocol, free of Akka, so that the training code can use it. */
package dev.lockstep.common.work;
