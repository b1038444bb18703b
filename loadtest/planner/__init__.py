"""From what runs have used to what a platform of another size needs.

`records.py` reads runs, `leastsquares.py` fits what cannot be negative, `model.py` knows what a part's work is made of,
`sizing.py` turns a demand into pods, `values.py` into Helm values; `report.py` and `chart.py` show how sure it is.
Nothing here needs Locust: `causerie plan` works wherever the command line does.
"""
