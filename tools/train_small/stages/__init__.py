# SPDX-License-Identifier: Apache-2.0
"""What is trained, one module a stage: each takes a Run and leaves its weights in the run's folder."""
