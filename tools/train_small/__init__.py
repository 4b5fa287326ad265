# SPDX-License-Identifier: Apache-2.0
"""Trains the small model set; see README.md."""
